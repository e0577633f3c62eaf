# SPDX-License-Identifier: MIT
# bash completion for lwsctl(1)
# shellcheck shell=bash

_lwsctl() {
        local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command='' i
        local commands='status why wait monitor links renew release resolve time timeline attachments holds
                hold cat-config forget log-level reload synchronize flush-caches invalidate-policy'
        local states='context-created pre-priv-drop initialized iface-coldplug dhcp cpd-pre-time time-valid
                cpd-post-time policy-valid registered auth1 auth2 one-time-updates operational'
        local options='--socket= --json --help --version'

        COMPREPLY=()
        # readline splits --socket=PATH at the sign
        if [[ $prev == = ]]; then
                prev=${COMP_WORDS[COMP_CWORD - 2]}
        elif [[ $cur == = ]]; then
                cur=
        fi
        case $prev in
        --socket) mapfile -t COMPREPLY < <(compgen -f -- "$cur") && return ;;
        --state-dir) mapfile -t COMPREPLY < <(compgen -d -- "$cur") && return ;;
        --timeout | --who | --why) return ;;
        esac
        for ((i = 1; i < COMP_CWORD; i++)); do
                case ${COMP_WORDS[i]} in
                --socket | --state-dir | --timeout | --who | --why)
                        [[ ${COMP_WORDS[i + 1]} != = ]] || i=$((i + 2))
                        ;;
                -* | =) ;;
                *)
                        command=${COMP_WORDS[i]}
                        break
                        ;;
                esac
        done
        if [[ $command == hold && " ${COMP_WORDS[*]:i:COMP_CWORD-i} " == *' -- '* ]]; then
                mapfile -t COMPREPLY < <(compgen -c -- "$cur")
                return
        fi
        if [[ $cur == -* ]]; then
                case $command in
                wait) options+=' --timeout=' ;;
                hold) options+=' --who= --why= --' ;;
                resolve) options+=' --trace' ;;
                forget) options+=' --state-dir=' ;;
                esac
                mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
                [[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace
                return
        fi
        case $command in
        '') mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur") ;;
        wait | hold) mapfile -t COMPREPLY < <(compgen -W "$states" -- "$cur") ;;
        renew | release) mapfile -t COMPREPLY < <(compgen -W "$(command ls /sys/class/net)" -- "$cur") ;;
        log-level)
                mapfile -t COMPREPLY < <(compgen -W 'emerg alert crit err warning notice info debug' -- "$cur")
                ;;
        resolve)
                if ((COMP_CWORD - i > 1)); then
                        mapfile -t COMPREPLY < <(compgen -W 'A AAAA CAA CNAME DNAME DS HINFO HTTPS MX NAPTR NS PTR
                                SOA SRV SSHFP SVCB TLSA TXT' -- "$cur")
                else
                        mapfile -t COMPREPLY < <(compgen -A hostname -- "$cur")
                fi
                ;;
        esac
}
complete -F _lwsctl lwsctl
