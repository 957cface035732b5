# What can stand where the cursor is: @TOOL@ itself says it.
_@FUNCTION@() {
    local kind word about cut=${COMP_LINE:0:COMP_POINT} reply
    COMPREPLY=()
    reply=$("$1" --complete-line "$cut" 2>/dev/null) || return 0
    # bash replaces no more than what stands behind the last of its word breaks.
    cut=${cut##*[[:space:]]}
    case $cut in
    *[=:@]*) cut=${cut%"${cut##*[=:@]}"} ;;
    *) cut= ;;
    esac
    {
        read -r kind
        while IFS=$'\t' read -r word about; do
            COMPREPLY+=("${word#"$cut"}")
        done
    } <<<"$reply"
    case $kind in
    files) compopt -o default ;;
    programs) mapfile -t COMPREPLY < <(compgen -c -- "${COMP_WORDS[COMP_CWORD]}") ;;
    esac
    case ${COMPREPLY[*]} in *=) compopt -o nospace ;; esac
}
complete -F _@FUNCTION@ @TOOL@
