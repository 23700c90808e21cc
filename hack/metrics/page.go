package metrics

import (
	"fmt"
	"strings"

	dispatcher "github.com/offlinepush/operator/dispatcher/metrics"
)

const intro = `<!-- Written by go test ./hack/metrics -args -update. Do not edit. -->
# Metrics

Every dispatcher serves its metrics on ` + "`/metrics`" + ` of the port ` + "`admin`" + `, 9090, which no Service leads to. The manager serves its own
over HTTPS on port 8443, to those whom Kubernetes lets read them: bind the ClusterRole ` + "`offlinepush-metrics-reader`" + ` to
Prometheus. With the Prometheus operator, apply ` + "`config/prometheus`" + `: it finds both, adds the labels ` + "`namespace`, `app` and `pod`" + `
to what dispatchers say, and brings the [alerts](runbooks/README.md). ` + "`config/grafana`" + ` holds the dashboards.

No label has a user, a device, a token or a message in it. The labels are ` + "`channel`" + `, the app's name of a channel row, and closed
sets: vendors, outcome classes, states, reasons, events and results.

**Of** says whose number it is. Add up those of a ` + "`dispatcher`" + ` over the app's pods. Those of an ` + "`app`" + ` come from its store, and
every dispatcher shows the same: take the largest, ` + "`max by (namespace, app)`" + `.
`

// Page is docs/metrics.md.
func Page() string {
	b := &strings.Builder{}
	b.WriteString(intro)
	section(b, "Dispatcher", "", dispatchers())
	section(b, "Manager", "", manager())
	section(b, "Of others", "What alerts and dashboards use beside them; the processes have more of the kind.\n", others())
	return b.String()
}

func section(b *strings.Builder, title, text string, all []dispatcher.Metric) {
	fmt.Fprintf(b, "\n## %s\n\n", title)
	if text != "" {
		fmt.Fprintf(b, "%s\n", text)
	}
	b.WriteString("| Metric | Type | Of | Labels | Says |\n|---|---|---|---|---|\n")
	for _, m := range all {
		fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s |\n", m.Name, m.Type, m.Scope, labels(m.Labels), m.Help)
	}
}

func labels(names []string) string {
	if len(names) == 0 {
		return "-"
	}
	return "`" + strings.Join(names, "`, `") + "`"
}
