package provider

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
)

// Times of the transport, and bounds. The caller's context ends a call earlier.
const (
	dialTimeout   = 3 * time.Second
	answerTimeout = 10 * time.Second
	idleTimeout   = 90 * time.Second
	lastingIdle   = time.Hour
	pingAfter     = 15 * time.Second
	pingTimeout   = 5 * time.Second
	idlePerHost   = 64
	maxHeader     = 64 << 10
)

// Option changes what NewClient makes.
type Option func(*options)

type options struct {
	certificates []tls.Certificate
	lasting      bool
}

// HTTP2Only is for vendors that speak nothing else and want few connections that last: they are used before a new one
// is made, at most four, and pings keep them alive.
func HTTP2Only() Option { return func(o *options) { o.lasting = true } }

// ClientCertificate shows a certificate to a vendor that asks for one.
func ClientCertificate(c tls.Certificate) Option {
	return func(o *options) { o.certificates = []tls.Certificate{c} }
}

// NewClient makes the HTTPS client of one channel row: HTTP/2 or 1.1, the
// endpoint's own roots when it names some, no redirects, and the proxy that the
// environment names. The guard sees every address that is dialed, which behind
// a proxy is the proxy's. Nothing is sent once Alive forbids it.
func NewClient(endpoint config.Endpoint, deps Deps, with ...Option) (*http.Client, error) {
	var o options
	for _, option := range with {
		option(&o)
	}
	roots, err := roots(endpoint.CABundle)
	if err != nil {
		return nil, err
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	dialer := &net.Dialer{Timeout: dialTimeout}
	transport := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            deps.dial(dialer),
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12, Time: deps.Now, Certificates: o.certificates},
		TLSHandshakeTimeout:    dialTimeout,
		IdleConnTimeout:        idleTimeout,
		MaxIdleConnsPerHost:    idlePerHost,
		MaxResponseHeaderBytes: maxHeader,
		Protocols:              protocols,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
	}
	client := &http.Client{
		Timeout:       answerTimeout,
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if o.lasting {
		client.Transport = newLasting(transport)
	}
	return client, nil
}

// roots parses a bundle; nil means the system's roots.
func roots(bundle string) (*x509.CertPool, error) {
	if bundle == "" {
		return nil, nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(bundle)) {
		return nil, errors.New("endpoint.caBundle: holds no PEM certificate; give the CA's certificate as PEM")
	}
	return pool, nil
}
