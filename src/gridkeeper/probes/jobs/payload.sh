#!/bin/sh
# The payload of gridkeeper's job tests: runs every test that rides in the job, and writes one JSON object a line.
# Plain POSIX shell with the tools that every worker node has; each test is a function that speaks the plugins' protocol
# (exit status 0 to 3, first line the summary). What follows the functions was appended by gridkeeper.
LC_ALL=C
export LC_ALL
umask 077

gk_dir=$(mktemp -d "${TMPDIR:-/tmp}/gridkeeper.XXXXXX") || exit 1
trap 'rm -rf "$gk_dir"' EXIT
trap 'exit 143' HUP INT TERM

gk_escape() {
    head -c 16000 | tr -d '\000-\010\013\014\015\016-\037\177' |
        sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/	/\\t/g' | awk '{ if (NR > 1) printf "\\n"; printf "%s", $0 }'
}

gk_now_ms() {
    gk_t=$(date +%s%N)
    case $gk_t in
        *N) echo $(($(date +%s) * 1000)) ;;
        *) echo $((gk_t / 1000000)) ;;
    esac
}

gk_mark() {
    printf '{"job":"%s","mark":"%s","host":"%s","time":%s}\n' "$gk_token" "$1" "$(uname -n | gk_escape)" "$(date +%s)"
}

# gk_run METRIC FUNCTION: runs it within the limit and reports. Its arguments are in variables a_*.
gk_run() {
    gk_begin=$(gk_now_ms)
    ( "$2" ) >"$gk_dir/out" 2>&1 </dev/null &
    gk_pid=$!
    (
        # Only a sleep that was slept to its end means that the time is over.
        sleep "$gk_limit_s" && : >"$gk_dir/late" &&
            kill -9 $(ps -o pid= --ppid "$gk_pid" 2>/dev/null) "$gk_pid" 2>/dev/null
    ) >/dev/null 2>&1 &
    gk_watch=$!
    wait "$gk_pid" 2>/dev/null
    gk_status=$?
    kill $(ps -o pid= --ppid "$gk_watch" 2>/dev/null) "$gk_watch" 2>/dev/null
    wait "$gk_watch" 2>/dev/null
    gk_first=$(head -n 1 "$gk_dir/out" | cut -c 1-400)
    if [ -e "$gk_dir/late" ]; then
        gk_status=2 gk_first="it ran longer than $gk_limit_s s on the worker node"
        rm -f "$gk_dir/late"
    elif [ "$gk_status" -gt 3 ]; then
        gk_first="it ended with status $gk_status, which is none of 0 to 3: $gk_first" gk_status=3
    fi
    gk_perf=
    case $gk_first in
        *"|"*) gk_perf=${gk_first#*|} gk_first=${gk_first%%|*} ;;
    esac
    printf '{"metric":"%s","status":%s,"summary":"%s","perfdata":"%s","output":"%s","duration_ms":%s}\n' \
        "$1" "$gk_status" "$(printf %s "$gk_first" | gk_escape)" "$(printf %s "$gk_perf" | gk_escape)" \
        "$(gk_escape <"$gk_dir/out")" "$(($(gk_now_ms) - gk_begin))"
}

# The value of an environment variable whose name holds the VO, e.g. VO_LHCB_SW_DIR.
gk_of_vo() {
    gk_name=VO_$(printf %s "$gk_vo" | tr 'a-z.-' 'A-Z__')_$1
    eval "printf %s \"\${$gk_name:-}\""
}

gk_ca_dir() {
    for gk_one in "$a_dir" "$X509_CERT_DIR" /etc/grid-security/certificates \
        /cvmfs/grid.cern.ch/etc/grid-security/certificates; do
        if [ -n "$gk_one" ] && [ -d "$gk_one" ]; then
            echo "$gk_one"
            return
        fi
    done
    echo "no folder of CA certificates: neither argument dir nor X509_CERT_DIR nor /etc/grid-security/certificates"
    return 2
}

# Name of the worker node, and what it is.
probe_wn() {
    hostname -f 2>/dev/null || uname -n
    uname -srm
    [ -r /etc/os-release ] && sed -n 's/^PRETTY_NAME=//p' /etc/os-release | tr -d '"'
    id
    pwd
}

# Environment: variables that must be set (a_variables), a work folder to write in, free space.
probe_env() {
    gk_missing=
    for gk_one in ${a_variables:-HOME PATH}; do
        eval "gk_value=\${$gk_one:-}"
        [ -n "$gk_value" ] || gk_missing="$gk_missing $gk_one"
    done
    if [ -n "$gk_missing" ]; then
        echo "not set in the job:$gk_missing"
        gk_end=2
    elif ! (: >./.gridkeeper-write) 2>/dev/null; then
        echo "the job cannot write into its work folder $(pwd)"
        gk_end=2
    else
        rm -f ./.gridkeeper-write
        gk_free=$(df -Pm . | awk 'NR == 2 { print $4 }')
        gk_end=0 gk_word="enough"
        [ "$gk_free" -lt "${a_warning_free_mb:-1000}" ] && gk_end=1 gk_word="little"
        [ "$gk_free" -lt "${a_critical_free_mb:-100}" ] && gk_end=2 gk_word="too little"
        echo "$gk_word space in the work folder: $gk_free MB|free=${gk_free}MB;${a_warning_free_mb:-1000}:;${a_critical_free_mb:-100}:;0"
    fi
    # Names only: a value may be a secret.
    echo "variables:"
    env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/\1/p' | sort
    return $gk_end
}

# Version of the middleware: of a command (a_command), of a file (a_file), or of what is found. a_wanted: must be it.
probe_ver() {
    gk_version=
    if [ -n "$a_command" ]; then
        gk_version=$(sh -c "$a_command" 2>&1 | head -n 1)
    else
        for gk_one in "$a_file" /etc/umd-release /etc/emi-version /etc/wlcg-wn-release; do
            [ -n "$gk_one" ] && [ -r "$gk_one" ] && gk_version=$(head -n 1 "$gk_one") && break
        done
        [ -n "$gk_version" ] || gk_version=$(glite-version 2>/dev/null | head -n 1)
        [ -n "$gk_version" ] || gk_version=$(arcsub --version 2>/dev/null | head -n 1)
    fi
    if [ -z "$gk_version" ]; then
        echo "no middleware version found; set the argument file or command"
        return 3
    fi
    if [ -n "$a_wanted" ] && [ "$gk_version" != "$a_wanted" ]; then
        echo "$gk_version, wanted $a_wanted"
        return 2
    fi
    echo "$gk_version"
}

# Version of the CA certificates: the newest that their .info files name. a_wanted: must be it.
probe_ca() {
    gk_folder=$(gk_ca_dir) || { echo "$gk_folder"; return 2; }
    gk_count=$(find "$gk_folder/" -maxdepth 1 \( -name '*.pem' -o -name '*.0' \) | wc -l)
    gk_version=$(cat "$gk_folder"/*.info 2>/dev/null | sed -n 's/^version *= *//p' | sort -t. -k1,1n -k2,2n | tail -n 1)
    if [ "$gk_count" -eq 0 ]; then
        echo "there are no CA certificates in $gk_folder"
        return 2
    fi
    if [ -z "$gk_version" ]; then
        echo "$gk_count CA certificates of no known version in $gk_folder"
        [ -z "$a_wanted" ] && return 1
        return 2
    fi
    if [ -n "$a_wanted" ] && [ "$gk_version" != "$a_wanted" ]; then
        echo "CA certificates $gk_version, wanted $a_wanted"
        return 2
    fi
    echo "CA certificates $gk_version, $gk_count files in $gk_folder"
}

# Age of the newest revocation list (a_warning_hours, a_critical_hours), and how many have expired.
probe_crl() {
    gk_folder=$(gk_ca_dir) || { echo "$gk_folder"; return 2; }
    gk_newest=$(ls -t "$gk_folder"/*.r0 2>/dev/null | head -n 1)
    if [ -z "$gk_newest" ]; then
        echo "there are no revocation lists in $gk_folder: is fetch-crl run?"
        return 2
    fi
    gk_hours=$((($(date +%s) - $(stat -L -c %Y "$gk_newest")) / 3600))
    gk_end=0
    [ "$gk_hours" -ge "${a_warning_hours:-12}" ] && gk_end=1
    [ "$gk_hours" -ge "${a_critical_hours:-24}" ] && gk_end=2
    echo "revocation lists were fetched $gk_hours h ago, limit ${a_critical_hours:-24} h|age=${gk_hours}h;${a_warning_hours:-12};${a_critical_hours:-24};0"
    ls -lt "$gk_folder"/*.r0 | tail -n 5
    return $gk_end
}

# The VO's software directory: argument dir, the VO's variable, or /cvmfs/VO. a_file: must be in it.
probe_swdir() {
    gk_folder=${a_dir:-$(gk_of_vo SW_DIR)}
    gk_folder=${gk_folder:-/cvmfs/$gk_vo}
    if ! ls "$gk_folder/" >"$gk_dir/list" 2>&1; then
        echo "the software directory $gk_folder of $gk_vo cannot be read: $(head -n 1 "$gk_dir/list")"
        return 2
    fi
    if [ ! -s "$gk_dir/list" ]; then
        echo "the software directory $gk_folder of $gk_vo is empty: is it mounted?"
        return 2
    fi
    if [ -n "$a_file" ] && [ ! -r "$gk_folder/$a_file" ]; then
        echo "$a_file is missing in the software directory $gk_folder of $gk_vo"
        return 2
    fi
    echo "$gk_folder has $(wc -l <"$gk_dir/list" | tr -d ' ') entries"
    head -n 20 "$gk_dir/list"
}

# A csh script runs.
probe_csh() {
    if gk_said=$(csh -fc 'echo works' 2>&1) && [ "$gk_said" = works ]; then
        echo "csh works"
        return 0
    fi
    echo "a csh script does not run: $gk_said"
    return 2
}

# The job can read what the broker decided.
probe_bi() {
    gk_file=${GLITE_WMS_RB_BROKERINFO:-${EDG_WL_RB_BROKERINFO:-./.BrokerInfo}}
    if [ ! -s "$gk_file" ]; then
        echo "there is no BrokerInfo at $gk_file"
        return 2
    fi
    echo "BrokerInfo is readable"
    head -n 20 "$gk_file"
}

# The VO's tags of installed software can be read: argument file.
probe_votag() {
    gk_file=${a_file:-$(gk_of_vo TAGS_FILE)}
    if [ -z "$gk_file" ]; then
        echo "no list of tags is named: set the argument file"
        return 3
    fi
    if [ ! -r "$gk_file" ]; then
        echo "the tags of $gk_vo in $gk_file cannot be read"
        return 2
    fi
    echo "$(wc -l <"$gk_file" | tr -d ' ') VO tags"
    head -n 50 "$gk_file"
}

# Lifetime of the proxy in the job.
probe_proxy() {
    gk_proxy=${X509_USER_PROXY:-/tmp/x509up_u$(id -u)}
    if [ ! -r "$gk_proxy" ]; then
        echo "the job has no proxy that it can read"
        return 2
    fi
    gk_end=0
    openssl x509 -checkend "${a_warning_s:-3600}" -noout -in "$gk_proxy" >/dev/null 2>&1 || gk_end=1
    openssl x509 -checkend "${a_critical_s:-300}" -noout -in "$gk_proxy" >/dev/null 2>&1 || gk_end=2
    echo "the proxy of the job ends $(openssl x509 -enddate -noout -in "$gk_proxy" 2>&1 | cut -d= -f2)"
    return $gk_end
}

gk_storage() {
    case $1:$2 in
        put:file:*) cp "$3" "${2#file:}" ;;
        get:file:*) cp "${2#file:}" "$3" ;;
        rm:file:*) rm "${2#file:}" ;;
        put:root:*) xrdcp -f -s "$3" "$2" ;;
        get:root:*) xrdcp -f -s "$2" "$3" ;;
        rm:root:*) gk_rest=${2#root://} && xrdfs "${gk_rest%%/*}" rm "/${gk_rest#*/}" ;;
        put:http*) davix-put "$3" "$2" 2>&1 || curl -fsS -T "$3" "$2" ;;
        get:http*) curl -fsSL -o "$3" "$2" ;;
        rm:http*) curl -fsS -X DELETE "$2" ;;
        put:*) gfal-copy -f "file://$3" "$2" ;;
        get:*) gfal-copy -f "$2" "file://$3" ;;
        rm:*) gfal-rm "$2" ;;
    esac
}

# Replica management: a file goes to the close storage (a_url), comes back unchanged, and is deleted.
probe_rm() {
    gk_close=${a_url:-$(gk_of_vo DEFAULT_SE)}
    if [ -z "$gk_close" ]; then
        echo "no storage is named: set the argument url"
        return 3
    fi
    gk_there=${gk_close%/}/gridkeeper-$gk_token
    head -c 65536 /dev/urandom >"$gk_dir/sent" || return 3
    for gk_step in put get rm; do
        gk_file=$gk_dir/sent
        [ "$gk_step" = get ] && gk_file=$gk_dir/back
        if ! gk_storage "$gk_step" "$gk_there" "$gk_file" >"$gk_dir/said" 2>&1; then
            echo "$gk_step of $gk_there failed: $(head -n 1 "$gk_dir/said")"
            cat "$gk_dir/said"
            [ "$gk_step" = get ] && gk_storage rm "$gk_there" "$gk_file" >/dev/null 2>&1
            return 2
        fi
        if [ "$gk_step" = get ] && ! cmp -s "$gk_dir/sent" "$gk_dir/back"; then
            gk_storage rm "$gk_there" "$gk_file" >/dev/null 2>&1
            echo "what came back from $gk_there differs from what was sent"
            return 2
        fi
    done
    echo "65536 bytes written to $gk_close, read back, compared and deleted"
}

# Any program of the worker node that speaks the plugins' protocol: its words are the positional arguments gk_words.
probe_run() {
    eval "set -- $gk_words"
    if [ $# -eq 0 ]; then
        echo "the test names no program: give its words as a list of arguments"
        return 3
    fi
    if ! command -v "$1" >/dev/null 2>&1; then
        echo "$1 is not on the worker node"
        return 2
    fi
    "$@"
}

probe_unknown() {
    echo "the payload does not know this test"
    return 3
}
