{{/* Refuses values with which the operator would not start, by files/checks.json. Each answer names the value and the way out. */}}
{{- define "janitor.checks" -}}
{{- $checks := .Files.Get "files/checks.json" | fromJson }}
{{- range $checks.aliases }}
{{- if include "janitor.has" (dict "in" $.Values "path" (splitList "." .path)) }}
{{- fail (printf "%s is not a value of this chart: did you mean %s?" .path .meant) }}
{{- end }}
{{- end }}
{{- range $checks.forms }}
{{- include "janitor.checkForm" (dict "in" $.Values "path" (splitList "." .path) "at" "" "check" . "noZones" $checks.noZones) }}
{{- end }}
{{- $config := .Values.config | default dict }}
{{- include "janitor.checkDefaults" (dict "own" ($config.defaults | default dict) "builtIn" $checks.defaults) }}
{{- include "janitor.checkElection" ($config.leaderElection | default dict) }}
{{- include "janitor.checkChannels" ($config.notifications | default dict) }}
{{- $metrics := $config.metrics | default dict }}
{{- $probes := $config.probes | default dict }}
{{- if and (ne (toString $metrics.enabled) "false") (eq (int64 ($metrics.port | default 9090)) (int64 ($probes.port | default 8080))) }}
{{- fail (printf "config.metrics.port and config.probes.port are both %d: choose another one for either" (int64 ($metrics.port | default 9090))) }}
{{- end }}
{{- end }}

{{/* Something when there is a value at a path. */}}
{{- define "janitor.has" -}}
{{- $here := .in }}
{{- $there := true }}
{{- range .path }}
{{- if not $there }}
{{- else if not (kindIs "map" $here) }}
{{- $there = false }}
{{- else if not (hasKey $here .) }}
{{- $there = false }}
{{- else }}
{{- $here = get $here . }}
{{- end }}
{{- end }}
{{- if $there }}yes{{ end }}
{{- end }}

{{/* Checks the form of what is at a path, where "*" stands for each item. */}}
{{- define "janitor.checkForm" -}}
{{- $all := . }}
{{- if kindIs "invalid" .in }}
{{- else if not .path }}
{{- $text := toString .in }}
{{- if and (kindIs "float64" .in) (eq (float64 (int64 .in)) .in) }}
{{- $text = toString (int64 .in) }}
{{- end }}
{{- include "janitor.checkText" (dict "isText" (kindIs "string" .in) "value" $text "at" .at "check" .check "noZones" .noZones) }}
{{- else if eq (first .path) "*" }}
{{- if kindIs "slice" .in }}
{{- range $i, $item := .in }}
{{- include "janitor.checkForm" (dict "in" $item "path" (rest $all.path) "at" (printf "%s[%d]" $all.at $i) "check" $all.check "noZones" $all.noZones) }}
{{- end }}
{{- else if kindIs "map" .in }}
{{- range $name, $item := .in }}
{{- include "janitor.checkForm" (dict "in" $item "path" (rest $all.path) "at" (printf "%s.%s" $all.at $name) "check" $all.check "noZones" $all.noZones) }}
{{- end }}
{{- end }}
{{- else if kindIs "map" .in }}
{{- if hasKey .in (first .path) }}
{{- include "janitor.checkForm" (dict "in" (get .in (first .path)) "path" (rest .path) "at" (printf "%s.%s" .at (first .path) | trimPrefix ".") "check" $all.check "noZones" $all.noZones) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "janitor.checkText" -}}
{{- $wrong := printf "%s is %q: %s" .at .value .check.words }}
{{- if hasPrefix "is no" .check.words }}
{{- $wrong = printf "%s is %q, which %s" .at .value .check.words }}
{{- end }}
{{- if .check.zone }}
{{/* dateInZone takes UTC for what it does not know; where there are no zones at all, nothing can be said. */}}
{{- $day := toDate "2006-01-02" "2024-01-01" }}
{{- $known := ne (dateInZone "MST" $day "America/Sao_Paulo") "UTC" }}
{{- $utc := regexMatch "^(Etc/)?(UTC|UCT|Universal|Zulu)$" .value }}
{{- if or (has (lower .value) .noZones) (not (regexMatch "^[A-Za-z][A-Za-z0-9_+/-]*$" .value)) (and $known (not $utc) (eq (dateInZone "MST" $day .value) "UTC")) }}
{{- fail $wrong }}
{{- end }}
{{- else if or (not (regexMatch .check.form .value)) (not (or .isText .check.number)) }}
{{- fail $wrong }}
{{- else if hasKey .check "bounds" }}
{{- $seconds := include "janitor.seconds" .value | int64 }}
{{- if or (not .value) (lt $seconds (int64 .check.least)) (gt $seconds (int64 .check.most)) }}
{{- fail (printf "%s is %q: %s" .at .value .check.bounds) }}
{{- end }}
{{- end }}
{{- end }}

{{/* The seconds of a duration. */}}
{{- define "janitor.seconds" -}}
{{- $text := . }}
{{- $sum := 0 }}
{{- range $unit, $factor := dict "d" 86400 "h" 3600 "m" 60 "s" 1 }}
{{- $number := regexFind (printf "[0-9]+%s" $unit) $text | trimSuffix $unit | trimPrefix "0" | trimPrefix "0" | trimPrefix "0" }}
{{- $sum = add $sum (mul ($number | default "0" | int64) $factor) }}
{{- end }}
{{- $sum }}
{{- end }}

{{/* What belongs together in config.defaults, over the built-in defaults. */}}
{{- define "janitor.checkDefaults" -}}
{{- $all := . }}
{{- $limits := list "warning" "critical" "trigger" "emergency" "danger" }}
{{- range $i, $high := rest $limits }}
{{- $low := index $limits $i }}
{{- $first := include "janitor.setting" (dict "all" $all "group" "thresholds" "name" $low) | fromJson }}
{{- $second := include "janitor.setting" (dict "all" $all "group" "thresholds" "name" $high) | fromJson }}
{{- if gt (int64 $first.value) (int64 $second.value) }}
{{- fail (printf "%s is above %s: thresholds must ascend, so lower the first or raise the second" $first.shown $second.shown) }}
{{- end }}
{{- end }}
{{- range $name := list "sessionMaxAge" "senderKeyMaxAge" "preKeys" }}
{{- $first := include "janitor.setting" (dict "all" $all "group" "emergencyRetention" "name" $name) | fromJson }}
{{- $second := include "janitor.setting" (dict "all" $all "group" "retention" "name" $name) | fromJson }}
{{- $less := gt (int64 $first.value) (int64 $second.value) }}
{{- if ne $name "preKeys" }}
{{- $less = gt (include "janitor.seconds" $first.value | int64) (include "janitor.seconds" $second.value | int64) }}
{{- end }}
{{- if $less }}
{{- fail (printf "%s is more than %s: an emergency must not keep more, so lower the first or raise the second" $first.shown $second.shown) }}
{{- end }}
{{- end }}
{{- end }}

{{/* One setting as JSON: its value as text, and how it is shown. */}}
{{- define "janitor.setting" -}}
{{- $at := printf "config.defaults.%s.%s" .group .name }}
{{- $group := get .all.own .group | default dict }}
{{- $own := get $group .name }}
{{- if or (not (hasKey $group .name)) (kindIs "invalid" $own) }}
{{- $value := get (get .all.builtIn .group) .name }}
{{- dict "value" (toString $value) "shown" (printf "%s (%v, the built-in default)" $at $value) | toJson }}
{{- else }}
{{- dict "value" (toString $own) "shown" (printf "%s (%v)" $at $own) | toJson }}
{{- end }}
{{- end }}

{{- define "janitor.checkElection" -}}
{{- $duration := .duration | default "15s" }}
{{- $renew := .renewInterval | default "3s" }}
{{- if gt (mul 3 (include "janitor.seconds" $renew | int64)) (include "janitor.seconds" $duration | int64) }}
{{- fail (printf "config.leaderElection.renewInterval (%s) renews less than three times within config.leaderElection.duration (%s): lower the first or raise the second" $renew $duration) }}
{{- end }}
{{- end }}

{{- define "janitor.checkChannels" -}}
{{- $names := list }}
{{- range .channels }}
{{- $found := pick . "webhook" "telegram" "sentry" "apprise" }}
{{- if ne (len $found) 1 }}
{{- fail (printf "config.notifications.channels: channel %s needs exactly one of webhook, telegram, sentry and apprise" .name) }}
{{- end }}
{{- if has .name $names }}
{{- fail (printf "config.notifications.channels has two channels named %s: rename one" .name) }}
{{- end }}
{{- $names = append $names .name }}
{{- end }}
{{- $routes := list }}
{{- range .routes }}
{{- if has .name $routes }}
{{- fail (printf "config.notifications.routes has two routes named %s: rename one" .name) }}
{{- end }}
{{- $routes = append $routes .name }}
{{- $route := .name }}
{{- range .channels }}
{{- if not (has . $names) }}
{{- fail (printf "config.notifications.routes: route %s sends to %s, which is not among config.notifications.channels: add it there or correct the name" $route .) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
