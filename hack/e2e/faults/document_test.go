//go:build e2e

package faults

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// document is docs/faults.md.
func document(t *testing.T, chosen []fault, done map[string]outcome) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, head, kubernetes(t), runtime.Version(), runtime.NumCPU(), *atOnce)
	for _, f := range chosen {
		o := done[f.name]
		fmt.Fprintf(&b, "| %s | %s | `%s` | `%s=%s` | `%s` | %.1f s | %.1f s |\n",
			f.name, f.done, f.sign.what, f.sign.condition, f.sign.status, f.sign.reason, o.told.Seconds(), o.healed.Seconds())
	}
	b.WriteString(middle)
	for _, f := range chosen {
		message := strings.ReplaceAll(done[f.name].message, f.space(), "NAMESPACE")
		fmt.Fprintf(&b, "| %s | %s | %s |\n", f.name, strings.ReplaceAll(message, "|", `\|`), f.cure)
	}
	return b.String()
}

// kubernetes is the version of the API server.
func kubernetes(t *testing.T) string {
	t.Helper()
	out, err := kubectl(t.Context(), nil, "version", "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	var version struct {
		ServerVersion struct {
			GitVersion string `json:"gitVersion"`
		} `json:"serverVersion"`
	}
	if err := json.Unmarshal([]byte(out), &version); err != nil {
		t.Fatal(err)
	}
	return version.ServerVersion.GitVersion
}

const head = `# Faults and what the status says

` + "`make faults`" + ` wrote this page. It breaks apps on a real node, each in a namespace of its own, and waits until the status tells of
it: with the condition and reason below, a message that names the cure, and Ready no longer True. The rules of conditions, kstatus and
the health checks of Argo CD must agree at every look, and ` + "`kubectl wait`" + ` in the end. Then it does what the message asks for, waits until
everything is Ready again, and sends a push that must arrive. Both must happen within 60 seconds. An app that says that it is Ready while
something is broken must prove it too: a push must arrive.

` + "```sh" + `
make faults                        # all of them, and this page
make faults FAULT='wrong topic'    # one of them
` + "```" + `

Measured on Kubernetes %s, with programs of %s, on %d cores that were busy with %d faults at once.

| Fault | What was done | Object | Condition | Reason | Told after | Ready after the cure |
|---|---|---|---|---|---:|---:|
`

const middle = `
What the condition said, and what was done about it:

| Fault | Message | Cure |
|---|---|---|
`
