# fish completion for slotctl. What can stand where is asked of slotctl itself.

function __slotctl_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l program $words[1]
    command -q $program; or set program slotctl
    set -l index (math (count $words) - 2)
    for line in ($program __complete $index -- $words[2..-1] 2>/dev/null)
        switch $line
            case :files
                set -l current (commandline -ct)
                __fish_complete_path (string replace -r '^--[^=]*=' '' -- $current)
            case :nospace
            case ':command*'
                set -l from (math (string replace ':command ' '' -- $line) + 2)
                complete -C (string join ' ' -- (string escape -- $words[$from..-2]) $words[-1])
            case '*'
                echo $line
        end
    end
end

complete -c slotctl -f -a '(__slotctl_complete)'
