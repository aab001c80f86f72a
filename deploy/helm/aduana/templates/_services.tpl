{{- /* What each service is and whom it calls; everything else is made from this. */ -}}
{{- define "aduana.services" -}}
sts: { kind: StatefulSet, port: 8011, database: true, redis: true, home: claim, calls: [audit, postgres, redis]{{ if ne (toString .Values.sts.ssfPort) "off" }}, events: {{ .Values.sts.ssfPort }}{{ end }} }
audit: { kind: StatefulSet, port: 8012, database: true, redis: true, home: claim, calls: [sts, postgres, redis] }
admin: { kind: StatefulSet, port: 8013, database: true, redis: true, home: claim, calls: [sts, audit, postgres, redis] }
gateway: { kind: StatefulSet, port: 4443, redis: true, home: claim, open: true, calls: [sts, audit, admin{{ if .Values.examples }}, leads{{ end }}, redis] }
console: { kind: StatefulSet, port: 8090, redis: true, home: claim, open: true, calls: [gateway, sts, audit, redis] }
{{- if .Values.examples }}
leads: { kind: Deployment, port: 8014, redis: true, home: empty, calls: [sts, redis] }
bff: { kind: Deployment, port: 8080, open: true, calls: [gateway, sts] }
actuator: { kind: Deployment, calls: [gateway, sts] }
{{- end }}
{{- end }}

{{- define "aduana.podSecurity" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 1000
fsGroup: 1000
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "aduana.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{- define "aduana.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag }}
{{- end }}

{{- define "aduana.databaseUrl" -}}
postgres://aduana_{{ .login }}@{{ .database.host }}:{{ .database.port }}/{{ .database.name }}
{{- end }}
