package config

import (
	"errors"
	"net/url"
)

// Tracing is where traces of messages go; zero traces nothing.
type Tracing struct {
	// Endpoint is the http or https URL of a receiver of OTLP over HTTP. Without a path it is /v1/traces.
	Endpoint string `json:"endpoint"`
	// SamplingPercent is the part of the messages that is traced. With 0 those are that a caller samples.
	SamplingPercent int32 `json:"samplingPercent"`
}

// IsZero reports whether nothing is traced.
func (t Tracing) IsZero() bool { return t == Tracing{} }

func (t Tracing) validate() error {
	if t.IsZero() {
		return nil
	}
	var wrong error
	u, err := url.Parse(t.Endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		wrong = errors.New("tracing.endpoint: must be an http or https URL without user information, query and fragment")
	}
	return errors.Join(wrong, within("tracing.samplingPercent", int64(t.SamplingPercent), 0, 100))
}
