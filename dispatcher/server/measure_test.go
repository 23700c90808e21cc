package server

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/metrics"
	"github.com/offlinepush/operator/dispatcher/report"
)

func xiaomiRow(name string) config.Channel {
	return config.Channel{Name: name, Vendor: "Xiaomi", AppType: 1, Xiaomi: &config.XiaomiChannel{
		PackageName: "p", Region: "China", AppSecret: config.NewSecret("secret-of-the-row"),
	}}
}

// TestRowsInTheMetricsFollowTheConfiguration removes a row whose lane the engine still has.
func TestRowsInTheMetricsFollowTheConfiguration(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	r := &reporter{metrics: metrics.New(registry), live: liveDocument(t, xiaomiRow("one"), xiaomiRow("two"))}
	seen := report.Report{
		Store: report.Store{Ready: true},
		Channels: []report.Channel{
			{Name: "one", State: report.Delivering}, {Name: "two", State: report.Throttled}, {Name: "old", State: report.Unreachable},
		},
	}
	count := func() int {
		n, err := testutil.GatherAndCount(registry, "offlinepush_channel_state")
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	r.show(seen)
	if got, want := count(), 2*len(report.ChannelStates()); got != want {
		t.Errorf("%d series of two rows, want %d", got, want)
	}
	if testutil.ToFloat64(r.metrics.ChannelState.WithLabelValues("two", "Xiaomi", string(report.Throttled))) != 1 {
		t.Error("the second row is not shown as throttled")
	}
	r.live = liveDocument(t, xiaomiRow("one"))
	r.show(seen)
	if got, want := count(), len(report.ChannelStates()); got != want {
		t.Errorf("%d series of one row, want %d", got, want)
	}
}

// TestOpeningTheStoreIsNoTrouble until it fails.
func TestOpeningTheStoreIsNoTrouble(t *testing.T) {
	t.Parallel()
	r := &reporter{metrics: metrics.New(prometheus.NewRegistry()), live: liveDocument(t), trouble: errOpening}
	if got := r.report(t.Context()).Store; got.Ready || !got.Opening {
		t.Errorf("while it is being opened, the report says %+v of the store", got)
	}
	r.failed(errors.New("the database is away"))
	if got := r.report(t.Context()).Store; got.Ready || got.Opening {
		t.Errorf("after it failed, the report says %+v of the store", got)
	}
}

// TestScrapesKeepTheMetricsFresh has nobody who asks for reports.
func TestScrapesKeepTheMetricsFresh(t *testing.T) {
	t.Parallel()
	live := liveDocument(t)
	synctest.Test(t, func(t *testing.T) {
		r := &reporter{metrics: metrics.New(prometheus.NewRegistry()), live: live, trouble: errors.New("the database is away")}
		r.refresh(t.Context())
		first := r.shownAt
		if first.IsZero() || testutil.ToFloat64(r.metrics.ConfigLoaded) != 1 || testutil.ToFloat64(r.metrics.StoreReady) != 0 {
			t.Errorf("the first scrape at %s shows config %f and store %f", first,
				testutil.ToFloat64(r.metrics.ConfigLoaded), testutil.ToFloat64(r.metrics.StoreReady))
		}
		time.Sleep(freshFor - time.Millisecond) // virtual
		if r.refresh(t.Context()); !r.shownAt.Equal(first) {
			t.Error("the store is asked again at once")
		}
		time.Sleep(time.Millisecond) // virtual
		if r.refresh(t.Context()); !r.shownAt.After(first) {
			t.Errorf("the metrics are older than %s", freshFor)
		}
	})
}
