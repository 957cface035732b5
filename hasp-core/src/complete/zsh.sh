#compdef @TOOL@
# What can stand where the cursor is: @TOOL@ itself says it.
_@FUNCTION@() {
    local -a reply shown
    reply=("${(@f)$(${words[1]} --complete-line "${BUFFER[1,CURSOR]}" 2>/dev/null)}")
    case ${reply[1]} in
    files) _files; return ;;
    programs) _command_names -e; return ;;
    words) ;;
    *) return 1 ;;
    esac
    shift reply
    reply=(${reply:#})
    shown=(${reply/$'\t'/  })
    compadd -l -d shown -- ${reply%%$'\t'*}
}
if [ "$funcstack[1]" = "_@TOOL@" ]; then
    _@FUNCTION@
else
    compdef _@FUNCTION@ @TOOL@
fi
