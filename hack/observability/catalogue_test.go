package observability

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
)

const (
	root = "../../"
	// nameLabel is how the parser sees the name of a series.
	nameLabel = "__name__"
)

// metric is a row of docs/metrics.md, whose own test keeps it as it is in the code.
type metric struct {
	kind, scope string
	labels      []string
}

// catalogue holds the metrics by name.
type catalogue map[string]metric

// ofTarget are the labels that Prometheus adds by config/prometheus.
func ofTarget() []string { return []string{"job", "namespace", "app", "pod", "instance"} }

func readCatalogue(t *testing.T) catalogue {
	t.Helper()
	page, err := os.ReadFile(root + "docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	c := catalogue{}
	row := regexp.MustCompile("(?m)^\\| `(\\w+)` \\| (\\w+) \\| (\\w+) \\| (.+?) \\|")
	name := regexp.MustCompile("`(\\w+)`")
	for _, cells := range row.FindAllStringSubmatch(string(page), -1) {
		m := metric{kind: cells[2], scope: cells[3]}
		for _, label := range name.FindAllStringSubmatch(cells[4], -1) {
			m.labels = append(m.labels, label[1])
		}
		c[cells[1]] = m
	}
	if len(c) < 20 {
		t.Fatalf("docs/metrics.md has %d metrics", len(c))
	}
	return c
}

// find gives the metric of a series, and the labels that the series may have.
func (c catalogue) find(series string) (metric, []string, error) {
	m, ok := c[series]
	allowed := slices.Concat(ofTarget(), m.labels)
	if ok {
		if m.kind == "histogram" {
			return m, nil, fmt.Errorf("%s is a histogram: ask for its _bucket, _sum or _count", series)
		}
		return m, allowed, nil
	}
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		base, cut := strings.CutSuffix(series, suffix)
		if m, ok := c[base]; cut && ok && m.kind == "histogram" {
			return m, slices.Concat(ofTarget(), m.labels, []string{"le"}), nil
		}
	}
	return metric{}, nil, fmt.Errorf("%s is not in docs/metrics.md", series)
}

// check finds everything in an expression that our metrics cannot answer.
func (c catalogue) check(text string) error {
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	if err != nil {
		return fmt.Errorf("%s: %w", text, err)
	}
	var wrong []error
	parser.Inspect(expr, func(node parser.Node, path []parser.Node) error {
		switch node := node.(type) {
		case *parser.VectorSelector:
			wrong = append(wrong, c.checkSelector(node, path))
		case *parser.AggregateExpr:
			wrong = append(wrong, c.checkGrouping(node))
		}
		return nil
	})
	if err := errors.Join(wrong...); err != nil {
		return fmt.Errorf("%s: %w", text, err)
	}
	return nil
}

func (c catalogue) checkSelector(s *parser.VectorSelector, path []parser.Node) error {
	m, allowed, err := c.find(s.Name)
	if err != nil {
		return err
	}
	for _, matcher := range s.LabelMatchers {
		if matcher.Name != nameLabel && !slices.Contains(allowed, matcher.Name) {
			return fmt.Errorf("%s has no label %s", s.Name, matcher.Name)
		}
	}
	return errors.Join(checkScope(s.Name, m, path), checkCounter(s.Name, m, path))
}

// checkScope keeps what all dispatchers of an app say alike from being added up.
func checkScope(name string, m metric, path []parser.Node) error {
	if m.scope != "app" {
		return nil
	}
	for _, parent := range slices.Backward(path) {
		if a, ok := parent.(*parser.AggregateExpr); ok {
			if a.Op != parser.MAX && a.Op != parser.MIN {
				return fmt.Errorf("%s is the same on every dispatcher: take max or min of it, not %s", name, a.Op)
			}
			return nil
		}
	}
	return fmt.Errorf("%s is the same on every dispatcher: take max or min of it", name)
}

// checkCounter wants what only grows to be asked for its growth.
func checkCounter(name string, m metric, path []parser.Node) error {
	if m.kind == "gauge" {
		return nil
	}
	for _, parent := range path {
		if call, ok := parent.(*parser.Call); ok && slices.Contains([]string{"rate", "increase", "irate"}, call.Func.Name) {
			return nil
		}
	}
	return fmt.Errorf("%s only grows: take its rate or increase", name)
}

// checkGrouping wants labels that at least one of the series beneath has.
func (c catalogue) checkGrouping(a *parser.AggregateExpr) error {
	var allowed []string
	parser.Inspect(a.Expr, func(node parser.Node, _ []parser.Node) error {
		if s, ok := node.(*parser.VectorSelector); ok {
			if _, labels, err := c.find(s.Name); err == nil {
				allowed = append(allowed, labels...)
			}
		}
		return nil
	})
	for _, label := range a.Grouping {
		if !slices.Contains(allowed, label) {
			return fmt.Errorf("nothing in %s has the label %s", a, label)
		}
	}
	return nil
}

func TestCatalogueFindsMistakes(t *testing.T) {
	t.Parallel()
	c := readCatalogue(t)
	for _, tt := range []struct{ expr, want string }{
		{`sum by (app) (rate(offlinepush_accepted_total{result="stored"}[5m]))`, ""},
		{`sum by (app) (rate(offlinepush_acepted_total[5m]))`, "is not in docs/metrics.md"},
		{`offlinepush_store_ready{channel="x"}`, "has no label channel"},
		{`max by (user) (offlinepush_store_ready)`, "has the label user"},
		{`sum by (app) (offlinepush_pending_targets)`, "not sum"},
		{`sum(max by (namespace, app) (offlinepush_pending_targets))`, ""},
		{`offlinepush_pending_targets`, "take max or min"},
		{`offlinepush_accepted_total > 3`, "rate or increase"},
		{`rate(offlinepush_push_seconds[5m])`, "_bucket"},
		{`sum by (le) (rate(offlinepush_push_seconds_bucket[5m]))`, ""},
		{`sum by (`, "parse error"},
	} {
		err := c.check(tt.expr)
		if got := fmt.Sprint(err); (tt.want == "") != (err == nil) || !strings.Contains(got, tt.want) && tt.want != "" {
			t.Errorf("%s: error %v, want %q", tt.expr, err, tt.want)
		}
	}
}
