package metrics

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// Scope says whose state a metric shows.
type Scope string

// The scopes of a metric.
const (
	// OfDispatcher metrics are of one process: add them up over an app's dispatchers.
	OfDispatcher Scope = "dispatcher"
	// OfApp metrics are read from the store, so that every dispatcher of an app shows the same: take the largest.
	OfApp Scope = "app"
)

// Metric describes an instrument.
type Metric struct {
	Name   string
	Type   string
	Scope  Scope
	Labels []string
	Help   string
}

// catalogue makes instruments, registers them, and remembers what it made.
type catalogue struct {
	registerer prometheus.Registerer
	made       []Metric
}

func (c *catalogue) opts(kind, name, help string, labels []string) prometheus.Opts {
	o := prometheus.Opts{Namespace: "offlinepush", Name: name, Help: help}
	c.made = append(c.made, Metric{
		Name: prometheus.BuildFQName(o.Namespace, o.Subsystem, o.Name), Type: kind, Scope: OfDispatcher, Labels: slices.Clone(labels), Help: help,
	})
	return o
}

// ofApp marks the instrument that was made last.
func (c *catalogue) ofApp() { c.made[len(c.made)-1].Scope = OfApp }

func (c *catalogue) counters(name, help string, labels ...string) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts(c.opts("counter", name, help, labels)), labels)
	c.registerer.MustRegister(v)
	return v
}

func (c *catalogue) counter(name, help string) prometheus.Counter {
	return c.counters(name, help).WithLabelValues()
}

func (c *catalogue) gauges(name, help string, labels ...string) *prometheus.GaugeVec {
	v := prometheus.NewGaugeVec(prometheus.GaugeOpts(c.opts("gauge", name, help, labels)), labels)
	c.registerer.MustRegister(v)
	return v
}

func (c *catalogue) gauge(name, help string) prometheus.Gauge {
	return c.gauges(name, help).WithLabelValues()
}

// appGauges show what the store knows of the whole app.
func (c *catalogue) appGauges(name, help string, labels ...string) *prometheus.GaugeVec {
	v := c.gauges(name, help, labels...)
	c.ofApp()
	return v
}

func (c *catalogue) appGauge(name, help string) prometheus.Gauge {
	return c.appGauges(name, help).WithLabelValues()
}

// seconds measure durations from the shortest on, doubling.
func (c *catalogue) seconds(name, help string, shortest float64, steps int, labels ...string) *prometheus.HistogramVec {
	o := c.opts("histogram", name, help, labels)
	v := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: o.Namespace, Name: o.Name, Help: o.Help,
		Buckets: prometheus.ExponentialBuckets(shortest, 2, steps), NativeHistogramBucketFactor: 1.1,
	}, labels)
	c.registerer.MustRegister(v)
	return v
}
