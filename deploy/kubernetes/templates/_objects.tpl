{{- /* Changes an object in place by the values, as an overlay does. */ -}}
{{- define "atelier.change" -}}
{{- $o := .object }}
{{- $v := .root.Values }}
{{- $part := get $v.parts $o.metadata.name | default dict }}
{{- $_ := set $o.metadata "namespace" .root.Release.Namespace }}
{{- $_ := set $o.metadata "labels" (merge (dict "app.kubernetes.io/part-of" "atelier") ($o.metadata.labels | default dict)) }}
{{- if or (eq $o.kind "Deployment") (eq $o.kind "Job") }}
{{- include "atelier.pod" (dict "pod" $o.spec.template "part" $part "names" .names "root" .root) }}
{{- end }}
{{- if eq $o.kind "Deployment" }}
{{- $_ := set $o.spec "replicas" (int $part.replicas) }}
{{- else if eq $o.kind "Job" }}
{{- /* A Job can't be changed: another version is another Job, and Helm removes the former. */ -}}
{{- $_ := set $o.metadata "name" (printf "%s-%s" $o.metadata.name (include "atelier.hash" $o.spec)) }}
{{- else if eq $o.kind "ScaledJob" }}
{{- include "atelier.pod" (dict "pod" $o.spec.jobTargetRef.template "part" $part "names" .names "root" .root) }}
{{- include "atelier.scaling" (dict "spec" $o.spec "part" $part "root" .root) }}
{{- else if eq $o.kind "ServiceAccount" }}
{{- with $v.serviceAccount.annotations }}{{ $_ := set $o.metadata "annotations" . }}{{ end }}
{{- else if eq $o.kind "TriggerAuthentication" }}
{{- range $o.spec.secretTargetRef }}
{{- $_ := set . "name" (ternary $v.temporal.tlsSecret $v.secret (eq $v.temporal.auth "mtls")) }}
{{- end }}
{{- else if eq $o.kind "Ingress" }}
{{- include "atelier.ingress" (dict "object" $o "root" .root) }}
{{- else if eq $o.kind "HTTPRoute" }}
{{- $_ := set $o.spec "parentRefs" $v.gateway.parentRefs }}
{{- $_ := set $o.spec "hostnames" (list $v.host) }}
{{- else if eq $o.kind "NetworkPolicy" }}
{{- include "atelier.policy" (dict "object" $o "root" .root) }}
{{- end }}
{{- end }}

{{- /* Image, settings, secrets, resources and what one part has of its own. */ -}}
{{- define "atelier.pod" -}}
{{- $v := .root.Values }}
{{- $names := .names }}
{{- $spec := .pod.spec }}
{{- $container := first $spec.containers }}
{{- $_ := set .pod.metadata.labels "app.kubernetes.io/part-of" "atelier" }}
{{- $image := first (splitList ":" (base $container.image)) }}
{{- $version := printf ":%s" ($v.images.tag | default .root.Chart.AppVersion) }}
{{- with get $v.images.digests $image }}{{ $version = printf "@%s" . }}{{ end }}
{{- $_ := set $container "image" (printf "%s/%s%s" $v.images.repository $image $version) }}
{{- with $v.images.pullSecrets }}
{{- $secrets := list }}
{{- range . }}{{ $secrets = append $secrets (dict "name" .) }}{{ end }}
{{- $_ := set $spec "imagePullSecrets" $secrets }}
{{- end }}
{{- with .part.resources }}{{ $_ := set $container "resources" . }}{{ end }}
{{- $shared := false }}
{{- range $container.envFrom }}
{{- if eq .configMapRef.name "atelier" }}{{ $shared = true }}{{ end }}
{{- $_ := set .configMapRef "name" (get $names .configMapRef.name) }}
{{- end }}
{{- $env := list }}
{{- $own := .part.env | default dict }}
{{- range $container.env }}
{{- if hasKey $own .name }}
{{- $env = append $env (dict "name" .name "value" (get $own .name)) }}
{{- $own = omit $own .name }}
{{- else }}
{{- with .valueFrom }}{{ with .secretKeyRef }}{{ $_ := set . "name" $v.secret }}{{ end }}{{ end }}
{{- $env = append $env . }}
{{- end }}
{{- end }}
{{- range $name, $value := $own }}{{ $env = append $env (dict "name" $name "value" $value) }}{{ end }}
{{- if and $shared (eq $v.temporal.auth "api-key") }}
{{- $key := dict "secretKeyRef" (dict "name" $v.secret "key" "temporal-api-key") }}
{{- $env = append $env (dict "name" "ATELIER_TEMPORAL_API_KEY" "valueFrom" $key) }}
{{- end }}
{{- with $env }}{{ $_ := set $container "env" . }}{{ end }}
{{- if and $shared (eq $v.temporal.auth "mtls") }}
{{- $volume := dict "name" "temporal-tls" "secret" (dict "secretName" $v.temporal.tlsSecret) }}
{{- $mount := dict "name" "temporal-tls" "mountPath" "/etc/atelier/temporal" "readOnly" true }}
{{- $_ := set $spec "volumes" (append $spec.volumes $volume) }}
{{- $_ := set $container "volumeMounts" (append $container.volumeMounts $mount) }}
{{- end }}
{{- with .part.pod }}{{ $_ := mergeOverwrite $spec (deepCopy .) }}{{ end }}
{{- end }}

{{- /* KEDA asks Temporal itself: for the queue that its workers serve, where and as they do. */ -}}
{{- define "atelier.scaling" -}}
{{- $v := .root.Values }}
{{- $_ := set .spec "maxReplicaCount" (int .part.maxReplicas) }}
{{- $trigger := first .spec.triggers }}
{{- $_ := set $trigger.metadata "endpoint" $v.temporal.target }}
{{- $_ := set $trigger.metadata "namespace" $v.temporal.namespace }}
{{- with $v.temporal.serverName }}{{ $_ := set $trigger.metadata "tlsServerName" . }}{{ end }}
{{- with get (.part.env | default dict) "ATELIER_WORKER_DEVICE_CLASS" }}
{{- $_ := set $trigger.metadata "taskQueue" (printf "atelier-%s" .) }}
{{- end }}
{{- if ne $v.temporal.auth "none" }}
{{- $_ := set $trigger "authenticationRef" (dict "name" "temporal") }}
{{- end }}
{{- end }}

{{- define "atelier.ingress" -}}
{{- $v := .root.Values }}
{{- $spec := .object.spec }}
{{- $_ := set $spec "ingressClassName" $v.ingress.className }}
{{- $_ := set (first $spec.rules) "host" $v.host }}
{{- with $v.ingress.annotations }}{{ $_ := set $.object.metadata "annotations" . }}{{ end }}
{{- with $v.ingress.tlsSecret }}
{{- $_ := set $spec "tls" (list (dict "hosts" (list $v.host) "secretName" .)) }}
{{- end }}
{{- end }}

{{- define "atelier.policy" -}}
{{- $p := .root.Values.networkPolicies }}
{{- $name := .object.metadata.name }}
{{- $spec := .object.spec }}
{{- if has $name (list "api-ingress" "metrics") }}
{{- $from := first (first $spec.ingress).from }}
{{- $namespace := ternary $p.ingressNamespace $p.metricsNamespace (eq $name "api-ingress") }}
{{- $_ := set $from.namespaceSelector "matchLabels" (dict "kubernetes.io/metadata.name" $namespace) }}
{{- else if eq $name "dns" }}
{{- $rule := first $spec.egress }}
{{- $to := list (first $rule.to) }}
{{- range $p.dnsAddresses }}{{ $to = append $to (dict "ipBlock" (dict "cidr" .)) }}{{ end }}
{{- $_ := set $rule "to" $to }}
{{- end }}
{{- end }}
