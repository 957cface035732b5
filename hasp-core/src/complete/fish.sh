# What can stand where the cursor is: @TOOL@ itself says it.
function __@FUNCTION@
    set -l reply (@TOOL@ --complete-line (commandline -cp | string collect) 2>/dev/null)
    switch "$reply[1]"
        case words
            printf '%s\n' $reply[2..-1]
        case files programs
            __fish_complete_path (commandline -ct)
    end
end
complete -c @TOOL@ -f -a '(__@FUNCTION@)'
