package metrics_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/offlinepush/operator/dispatcher/metrics"
	"github.com/offlinepush/operator/dispatcher/report"
)

// TestCatalogueIsWhole compares what is registered with what people are told of.
func TestCatalogueIsWhole(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	var want []string
	for _, m := range metrics.New(registry).Catalogue() {
		want = append(want, m.Name)
		if m.Help == "" || m.Type == "" || m.Scope == "" {
			t.Errorf("%s is not described: %+v", m.Name, m)
		}
		if (m.Type == "counter") != strings.HasSuffix(m.Name, "_total") {
			t.Errorf("%s is a %s", m.Name, m.Type)
		}
	}
	descriptions := make(chan *prometheus.Desc, 1000)
	registry.Describe(descriptions)
	close(descriptions)
	var got []string
	name := regexp.MustCompile(`fqName: "(\w+)"`)
	for d := range descriptions {
		got = append(got, name.FindStringSubmatch(d.String())[1])
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the catalogue (-described +registered):\n%s", diff)
	}
}

// TestLabelsAreClosedSets keeps users, devices, tokens and messages out of every series.
func TestLabelsAreClosedSets(t *testing.T) {
	t.Parallel()
	allowed := []string{"channel", "vendor", "class", "state", "reason", "event", "result"}
	for _, m := range metrics.New(prometheus.NewRegistry()).Catalogue() {
		for _, label := range m.Labels {
			if !slices.Contains(allowed, label) {
				t.Errorf("%s has the label %s, which may have any number of values; allowed are %v", m.Name, label, allowed)
			}
		}
	}
}

func TestShowState(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	m := metrics.New(registry)
	m.ShowState("fcm", "FCM", report.Throttled)
	m.ShowState("fcm", "FCM", report.Delivering)
	for _, state := range report.ChannelStates() {
		want := 0.0
		if state == report.Delivering {
			want = 1
		}
		if got := testutil.ToFloat64(m.ChannelState.WithLabelValues("fcm", "FCM", string(state))); got != want {
			t.Errorf("%s is %f, want %f", state, got, want)
		}
	}
	m.Forget("fcm")
	if n, err := testutil.GatherAndCount(registry, "offlinepush_channel_state"); n != 0 || err != nil {
		t.Errorf("%d series of a row that is gone, error %v", n, err)
	}
}

// TestShowAccount adds the states up as an alert does.
func TestShowAccount(t *testing.T) {
	t.Parallel()
	m := metrics.New(prometheus.NewRegistry())
	m.ShowAccount(report.Account{
		Admitted: 100, Handed: 1, Suppressed: 2, Failed: 4, Expired: 8, Cancelled: 16, Quarantined: 32, Pending: 30, Unexpanded: 5,
	})
	if got := testutil.ToFloat64(m.Unaccounted); got != 7 {
		t.Errorf("%f are unaccounted, want 7", got)
	}
	if got := testutil.ToFloat64(m.Unexpanded); got != 5 {
		t.Errorf("%f are unexpanded, want 5", got)
	}
	sum := 0.0
	for _, state := range []string{"Handed", "Suppressed", "Failed", "Expired", "Cancelled", "Quarantined", "Pending"} {
		sum += testutil.ToFloat64(m.Account.WithLabelValues(state))
	}
	if admitted := testutil.ToFloat64(m.Account.WithLabelValues("Admitted")); admitted != 100 || sum != 93 {
		t.Errorf("%f are admitted and %f in a state", admitted, sum)
	}
}
