package simulator

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/offlinepush/operator/dispatcher/simulator/callback"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
)

const (
	headerTimeout = 10 * time.Second
	closeTimeout  = 5 * time.Second
	// maxStreams is what a connection of Google's carries.
	maxStreams      = 100
	receiptInterval = time.Second
)

// Options are how a Server runs. The zero value serves on free ports of the loopback interface.
type Options struct {
	// Addr is where the vendors listen, AdminAddr where phones and consoles do.
	Addr, AdminAddr string
	// PublicURL is where clients reach Addr, if that is not the address itself. It is written into service accounts.
	PublicURL string
	// TLSDir holds ca.crt, tls.crt and tls.key. If empty, they are made in memory.
	TLSDir string
	// Accounts are there from the start.
	Accounts Accounts
	// ReceiptClient posts receipts, http.DefaultClient if nil.
	ReceiptClient *http.Client
	// ReceiptInterval is how long receipts are collected, a second if 0.
	ReceiptInterval time.Duration
	// Log is where trouble goes, nowhere if nil.
	Log *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	if o.AdminAddr == "" {
		o.AdminAddr = "127.0.0.1:0"
	}
	if o.ReceiptClient == nil {
		o.ReceiptClient = http.DefaultClient
	}
	if o.ReceiptInterval == 0 {
		o.ReceiptInterval = receiptInterval
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Server is a running simulator.
type Server struct {
	// URL is where the vendors are, AdminURL where Client goes.
	URL, AdminURL string
	// CA is the certificate that vouches for URL, in PEM.
	CA []byte

	addr    string
	vendors *vendors
	servers []*http.Server
	cancel  context.CancelFunc
	serving sync.WaitGroup
	failed  chan error
}

// Start runs a simulator until Close.
func Start(o Options) (*Server, error) {
	o = o.withDefaults()
	phones := phone.NewBook()
	v := newVendors(phones, callback.Options{Client: o.ReceiptClient, Interval: o.ReceiptInterval, Log: o.Log})
	s, err := start(o, v, phones)
	if err != nil {
		v.close()
		return nil, err
	}
	return s, nil
}

func start(o Options, v *vendors, phones *phone.Book) (*Server, error) {
	if err := o.Accounts.apply(v); err != nil {
		return nil, err
	}
	hosts := v.hostNames()
	if public, err := url.Parse(o.PublicURL); err == nil && public.Host != "" {
		hosts = append(hosts, public.Hostname())
	}
	certificate, ca, err := loadTLS(o.TLSDir, hosts)
	if err != nil {
		return nil, err
	}
	listener, err := listen(o.Addr)
	if err != nil {
		return nil, err
	}
	adminListener, err := listen(o.AdminAddr)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{
		URL: cmp.Or(strings.TrimSuffix(o.PublicURL, "/"), "https://"+reachable(listener)), AdminURL: "http://" + reachable(adminListener),
		CA: ca, addr: listener.Addr().String(), vendors: v,
		cancel: cancel, failed: make(chan error, 2),
	}
	admin := &admin{vendors: v, phones: phones, tokenURI: s.URL + "/fcm/token"}
	s.serve(ctx, o.Log, tls.NewListener(listener, &tls.Config{
		Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
		// APNs takes a certificate in place of a token; its vendor decides who it is from.
		ClientAuth: tls.RequestClientCert,
	}), v)
	s.serve(ctx, o.Log, adminListener, admin.handler())
	return s, nil
}

func listen(addr string) (net.Listener, error) {
	return (&net.ListenConfig{}).Listen(context.Background(), "tcp", addr)
}

// reachable is an address to call, also of a listener on all interfaces.
func reachable(l net.Listener) string {
	if a, ok := l.Addr().(*net.TCPAddr); ok && a.IP.IsUnspecified() {
		return net.JoinHostPort("localhost", strconv.Itoa(a.Port))
	}
	return l.Addr().String()
}

func (s *Server) serve(ctx context.Context, log *slog.Logger, l net.Listener, h http.Handler) {
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: headerTimeout,
		HTTP2:       &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog:    slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	s.servers = append(s.servers, server)
	s.serving.Go(func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- err
		}
	})
}

// Failed receives an error if a listener breaks.
func (s *Server) Failed() <-chan error { return s.failed }

// Close ends all requests, the posting of receipts and the listeners.
func (s *Server) Close() error {
	s.cancel()
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	var problems []error
	for _, server := range s.servers {
		if server.Shutdown(ctx) != nil {
			problems = append(problems, server.Close())
		}
	}
	s.serving.Wait()
	s.vendors.close()
	return errors.Join(problems...)
}

// Client returns a client of the admin port.
func (s *Server) Client() *Client { return &Client{URL: s.AdminURL} }

// CAPool returns a pool with the CA.
func (s *Server) CAPool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.CA)
	return pool
}

// HTTPClient returns a client that trusts the vendors' listener and finds it
// under every host name, so that the vendors' real addresses can be used.
func (s *Server) HTTPClient() *http.Client {
	dialer := &net.Dialer{}
	return &http.Client{Transport: &http.Transport{
		ForceAttemptHTTP2: true,
		TLSClientConfig:   &tls.Config{RootCAs: s.CAPool(), MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, s.addr)
			if err != nil {
				return nil, fmt.Errorf("dialing the simulator: %w", err)
			}
			return conn, nil
		},
	}}
}
