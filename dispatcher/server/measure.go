package server

import (
	"context"
	"time"

	"github.com/offlinepush/operator/dispatcher/report"
)

// freshFor is how old the gauges that a report sets may be when they are scraped.
const freshFor = 5 * time.Second

// refresh makes a report if the last one is too old for its gauges to be scraped. Scrapes alone must keep them right:
// nobody may be there to ask for reports, which is when people look at metrics.
func (r *reporter) refresh(ctx context.Context) {
	r.mu.Lock()
	fresh := time.Since(r.shownAt) < freshFor
	r.mu.Unlock()
	if !fresh {
		r.report(ctx)
	}
}

// show puts the report into the metrics. Of the channel rows, those count that the configuration in force has.
func (r *reporter) show(out report.Report) {
	doc, _ := r.live.Current()
	vendors := map[string]string{}
	for _, row := range doc.Channels {
		vendors[row.Name] = row.Vendor
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shownAt = time.Now()
	r.metrics.StoreReady.Set(0)
	if out.Store.Ready {
		r.metrics.StoreReady.Set(1)
	}
	for name, vendor := range r.shown {
		if vendors[name] != vendor {
			r.metrics.Forget(name)
		}
	}
	r.shown = map[string]string{}
	for _, row := range out.Channels {
		if vendor, ok := vendors[row.Name]; ok {
			r.metrics.ShowState(row.Name, vendor, row.State)
			r.shown[row.Name] = vendor
		}
	}
}
