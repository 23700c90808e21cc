package plugin

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/offlinepush/operator/dispatcher/bulk"
	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// requestTimeout bounds one request with its answer.
const requestTimeout = 2 * time.Minute

// endpoint is a server plane as the flags name it.
type endpoint struct{ prefix, url, keyFile, caFile string }

func (e *endpoint) flags(cmd *cobra.Command, prefix string) {
	e.prefix = prefix
	what := "the store"
	if prefix != "" {
		what = "the store to compare with"
	}
	cmd.Flags().StringVar(&e.url, prefix+"server", "", "URL of the server plane of "+what+", Service <app>-server")
	cmd.Flags().StringVar(&e.keyFile, prefix+"server-key-file", "", "file with a server key of the app")
	cmd.Flags().StringVar(&e.caFile, prefix+"ca", "", "file with the CA of the server plane in PEM; the system's CAs when empty")
}

// server is a server plane that answers.
type server struct {
	*client.Server
	*retrier
	url string
}

// chunk is up to limit devices behind the cursor, and the cursor of the next
// ones, 0 behind the last.
func (s *server) chunk(ctx context.Context, after, limit int64) (devices []wire.DeviceRecord, next int64, err error) {
	err = s.retry(ctx, func() error {
		devices = devices[:0]
		total, err := s.ExportBindings(ctx, after, limit, func(d wire.DeviceRecord) error {
			devices = append(devices, d)
			return nil
		})
		next = total.Next
		return err
	})
	return devices, next, err
}

// total counts and sums up all devices.
func (s *server) total(ctx context.Context) (wire.BindingsTotal, error) {
	var sum bulk.Sum
	for after, more := int64(0), true; more; more = after != 0 {
		err := s.retry(ctx, func() error {
			part, err := s.BindingsTotal(ctx, after)
			if err == nil {
				after = part.Next
				err = sum.Merge(part)
			}
			return err
		})
		if err != nil {
			return wire.BindingsTotal{}, err
		}
	}
	return sum.Total(), nil
}

// connect calls the server plane once, so that a wrong flag is told at once.
func (e *endpoint) connect(ctx context.Context, s Streams) (*server, error) {
	if u, err := url.Parse(e.url); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("--%sserver must be a URL such as https://chat-server.example", e.prefix)
	}
	key, err := e.key()
	if err != nil {
		return nil, err
	}
	transport, err := e.transport()
	if err != nil {
		return nil, err
	}
	out := &server{
		Server:  client.NewServer(e.url, key, &http.Client{Transport: transport, Timeout: requestTimeout}),
		retrier: &retrier{Streams: s},
		url:     e.url,
	}
	err = out.retry(ctx, func() error {
		_, err := out.BindingsTotal(ctx, math.MaxInt64)
		return err
	})
	return out, e.explain(err)
}

func (e *endpoint) key() (string, error) {
	if e.keyFile == "" {
		return "", fmt.Errorf("--%sserver-key-file must name a file with a server key of the app", e.prefix)
	}
	b, err := os.ReadFile(e.keyFile)
	if err != nil {
		return "", fmt.Errorf("--%sserver-key-file: %w", e.prefix, err)
	}
	key := strings.TrimSpace(string(b))
	if key == "" || strings.ContainsAny(key, " \t\r\n") {
		return "", fmt.Errorf("--%sserver-key-file: %s must hold one key and nothing else", e.prefix, e.keyFile)
	}
	return key, nil
}

func (e *endpoint) transport() (*http.Transport, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	if e.caFile == "" {
		return t, nil
	}
	pem, err := os.ReadFile(e.caFile)
	if err != nil {
		return nil, fmt.Errorf("--%sca: %w", e.prefix, err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("--%sca: %s holds no certificate in PEM", e.prefix, e.caFile)
	}
	t.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	return t, nil
}

// explain names the flag that cures an error of the first call.
func (e *endpoint) explain(err error) error {
	if err == nil {
		return nil
	}
	cure := fmt.Sprintf("check --%sserver", e.prefix)
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		cure = fmt.Sprintf("give the CA of the server plane with --%sca", e.prefix)
	}
	switch client.CodeOf(err) { //nolint:exhaustive // The others have no cure in a flag.
	case wire.CodeUnauthenticated:
		cure = fmt.Sprintf("the key in --%sserver-key-file is none of the app's server keys", e.prefix)
	case wire.CodeNotFound:
		cure = fmt.Sprintf("--%sserver must be the server plane (Service <app>-server) of a dispatcher that knows /v1/bindings", e.prefix)
	}
	return fmt.Errorf("%s: %w; %s", e.url, err, cure)
}
