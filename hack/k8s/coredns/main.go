// Command coredns is CoreDNS with the few plugins that cluster DNS needs: a quarter of the full build's dependencies.
package main

import (
	"github.com/coredns/coredns/coremain"
	_ "github.com/coredns/coredns/plugin/cache"      // Plugins register themselves.
	_ "github.com/coredns/coredns/plugin/errors"     // As above.
	_ "github.com/coredns/coredns/plugin/health"     // As above.
	_ "github.com/coredns/coredns/plugin/kubernetes" // As above.
	_ "github.com/coredns/coredns/plugin/ready"      // As above.
	_ "github.com/coredns/coredns/plugin/template"   // As above.
)

func main() {
	coremain.Run()
}
