package server

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// certificate serves a mounted kubernetes.io/tls Secret and reads it again when it changed.
type certificate struct {
	dir string

	mu       sync.Mutex
	loaded   *tls.Certificate
	modified time.Time
}

// tlsConfig gives a configuration for the files tls.crt and tls.key in dir.
func tlsConfig(dir string) (*tls.Config, error) {
	c := &certificate{dir: dir}
	if _, err := c.get(nil); err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get, NextProtos: []string{"h2", "http/1.1"}}, nil
}

// get keeps the former certificate while the files do not make a pair.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	crt := filepath.Join(c.dir, "tls.crt")
	info, err := os.Stat(crt)
	if err == nil && c.loaded != nil && info.ModTime().Equal(c.modified) {
		return c.loaded, nil
	}
	if err == nil {
		var pair tls.Certificate
		if pair, err = tls.LoadX509KeyPair(crt, filepath.Join(c.dir, "tls.key")); err == nil {
			c.loaded, c.modified = &pair, info.ModTime()
			return c.loaded, nil
		}
	}
	if c.loaded != nil {
		return c.loaded, nil
	}
	return nil, fmt.Errorf("reading tls.crt and tls.key: %w", err)
}
