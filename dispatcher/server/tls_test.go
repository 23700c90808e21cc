package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/simulator"
)

// mount is a folder as a kubelet mounts it: the files are behind one link, which is replaced as a whole.
func mount(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, name := range []string{"tls.crt", "tls.key"} {
		if err := os.Symlink(filepath.Join("..data", name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// swap puts a pair in the place of the one before.
func swap(t *testing.T, dir, version string, pair simulator.Certificates) {
	t.Helper()
	next := filepath.Join(dir, "..next")
	err := pair.Write(filepath.Join(dir, version))
	if err == nil {
		err = os.Symlink(version, next)
	}
	if err == nil {
		err = os.Rename(next, filepath.Join(dir, "..data"))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// visit makes a connection of its own and gives the host that the port's certificate is for.
func visit(ctx context.Context, url string, roots *x509.CertPool, protocols *http.Protocols) (string, error) {
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, Protocols: protocols}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/docs", http.NoBody)
	if err != nil {
		return "", err
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return "", err
	}
	return resp.TLS.PeerCertificates[0].DNSNames[0], resp.Body.Close()
}

// issued is a certificate for the host, whose CA is among the roots.
func issued(t *testing.T, host string, roots *x509.CertPool) simulator.Certificates {
	t.Helper()
	made, err := simulator.NewCertificates([]string{host, "127.0.0.1"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	roots.AppendCertsFromPEM(made.CA)
	return made
}

// plainDocument is the configuration of an app with SQLite.
func plainDocument() *config.Document {
	doc := document("app-1", "")
	doc.Store = config.Store{}
	return doc
}

// TestBothPlanesChangeTheirCertificate: while certificates come and go, good and bad, every connection is taken.
func TestBothPlanesChangeTheirCertificate(t *testing.T) {
	t.Parallel()
	dir, roots := mount(t), x509.NewCertPool()
	first, second := issued(t, "first.example", roots), issued(t, "second.example", roots)
	swap(t, dir, "..1", first)
	d := startWith(t, plainDocument(), func(o *Options) { o.TLSDir = dir })
	urls := []string{
		"https" + d.url(t, "ready", "device")[len("http"):],
		"https" + d.url(t, "ready", "server")[len("http"):],
	}
	var old, h2 http.Protocols
	old.SetHTTP1(true)
	h2.SetHTTP2(true)

	var over atomic.Bool
	var visitors sync.WaitGroup
	for _, url := range urls {
		for _, protocols := range []*http.Protocols{&old, &h2} {
			visitors.Go(func() {
				for !over.Load() {
					if _, err := visit(t.Context(), url, roots, protocols); err != nil {
						t.Errorf("a connection to %s was refused: %v", url, err)
						return
					}
				}
			})
		}
	}
	sees := func(host string) {
		t.Helper()
		for _, url := range urls {
			eventually(t, url+" serves "+host, func() bool {
				got, err := visit(t.Context(), url, roots, &h2)
				return err == nil && got == host
			})
		}
	}
	sees("first.example")
	swap(t, dir, "..2", second)
	sees("second.example")
	swap(t, dir, "..3", simulator.Certificates{Cert: first.Cert, Key: second.Key})
	sees("second.example")
	swap(t, dir, "..4", first)
	sees("first.example")
	over.Store(true)
	visitors.Wait()
}
