package dashboard

import (
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write config/grafana")

func TestFiles(t *testing.T) {
	t.Parallel()
	for name, d := range All() {
		path := "../../../config/grafana/" + name + ".json"
		want, err := Encode(d)
		if err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(path, want, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s is old: go -C hack/observability test ./dashboard -args -update (-want +got):\n%s", path, diff)
		}
	}
}

// TestPanelsHaveRoom looks for panels that lie on top of each other or beyond the edge.
func TestPanelsHaveRoom(t *testing.T) {
	t.Parallel()
	for name, d := range All() {
		taken := map[[2]int]string{}
		for _, p := range d.Panels {
			if p.GridPos.X+p.GridPos.W > 24 {
				t.Errorf("%s: %s is too wide", name, p.Title)
			}
			for x := range p.GridPos.W {
				for y := range p.GridPos.H {
					at := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
					if other, ok := taken[at]; ok {
						t.Fatalf("%s: %s lies on %s", name, p.Title, other)
					}
					taken[at] = p.Title
				}
			}
		}
	}
}
