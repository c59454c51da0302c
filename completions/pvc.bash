_pvc_completion() {
    local IFS=$'\n' kind value
    COMPREPLY=()
    # The whole line: bash cuts it into words at colons and equals signs.
    while IFS=, read -r kind value; do
        case $kind in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain | quoted)
                # Nothing may be left that bash would run or expand; behind an open quote, nothing is.
                [[ $kind == quoted || $value != *[^A-Za-z0-9_.,:/@+=-]* ]] || printf -v value %q "$value"
                COMPREPLY+=("$value")
                # More is to follow.
                [[ $value != *[/:] ]] || compopt -o nospace
                ;;
        esac
    done < <(PVC_LINE=${COMP_LINE:0:COMP_POINT} PVC_BREAKS=$COMP_WORDBREAKS _PVC_COMPLETE=bash_complete "$1")
}

complete -o nosort -F _pvc_completion pvc

