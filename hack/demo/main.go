// Command demo tells the quickstart's story on the cluster of KUBECONFIG. It
// runs on a node of that cluster, where cluster addresses can be reached.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/offlinepush/operator/hack/e2e/quickstart"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	w := &quickstart.World{Root: ".", Out: os.Stdout}
	flag.TextVar(&w.Store, "store", quickstart.SQLite, "where the app keeps its data: sqlite or postgres")
	flag.Parse()
	if err := tell(ctx, w); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "\ndemo:", err)
		os.Exit(1)
	}
}

func tell(ctx context.Context, w *quickstart.World) error {
	start := time.Now()
	step := func(title string, run func(context.Context) error) error {
		w.Say("\n[%3.0fs] %s", time.Since(start).Seconds(), title)
		return run(ctx)
	}
	if err := step("The operator, ten channels and an app, from YAML", w.Install); err != nil {
		return err
	}
	for _, s := range quickstart.NewStory(w).Steps() {
		if err := step(s.Title, s.Run); err != nil {
			return err
		}
	}
	w.Say("\n[%3.0fs] Done. The cluster is up. Next:", time.Since(start).Seconds())
	w.Say(`  eval "$(hack/cluster/env.sh)" && kubectl -n quickstart get pushchannels,pushapps -o wide`)
	w.Say(`  kubectl explain pushapp.spec.pushProfiles`)
	w.Say(`  docs/quickstart.md    # the same by hand, with kubectl and curl`)
	w.Say(`  docs/install.md       # into a cluster of yours, with an app of yours`)
	w.Say(`  make demo-down        # removes the cluster and all of its traces`)
	return nil
}
