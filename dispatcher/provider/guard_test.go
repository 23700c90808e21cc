package provider

import (
	"errors"
	"testing"

	"github.com/offlinepush/operator/dispatcher/config"
)

func TestGuard(t *testing.T) {
	t.Parallel()
	tests := []struct {
		address string
		allowed bool
	}{
		{"142.250.74.10:443", true},
		{"10.0.0.7:443", true},
		{"[2a00:1450:4001::200a]:443", true},
		{"[fd00::7]:443", true},
		{"127.0.0.1:443", false},
		{"127.8.8.8:443", false},
		{"[::1]:443", false},
		{"[::ffff:127.0.0.1]:443", false},
		{"169.254.169.254:80", false},
		{"[::ffff:169.254.169.254]:80", false},
		{"[fe80::1%eth0]:443", false},
		{"[fd00:ec2::254]:80", false},
		{"100.100.100.200:80", false},
		{"0.0.0.0:443", false},
		{"[::]:443", false},
		{"224.0.0.1:443", false},
		{"[ff02::1]:443", false},
		{"vendor.example:443", false},
		{"", false},
	}
	for _, tt := range tests {
		err := EndpointGuard{}.Control("tcp", tt.address, nil)
		if (err == nil) != tt.allowed || err != nil && !errors.Is(err, ErrForbiddenAddress) {
			t.Errorf("%s: got %v", tt.address, err)
		}
	}
	for _, address := range []string{"127.0.0.1:443", "[::1]:443", "[::ffff:127.0.0.1]:443"} {
		if err := (EndpointGuard{AllowLoopback: true}).Control("tcp", address, nil); err != nil {
			t.Errorf("%s with AllowLoopback: %v", address, err)
		}
	}
	if err := (EndpointGuard{AllowLoopback: true}).Control("tcp", "169.254.169.254:80", nil); err == nil {
		t.Error("AllowLoopback allows the metadata service")
	}
}

func TestGuardOfForeignHosts(t *testing.T) {
	t.Parallel()
	guard := EndpointGuard{Foreign: func(host string) bool { return host == "push.example" }}
	tests := map[string]bool{
		"142.250.74.10:443":            true,
		"172.32.0.1:443":               true,
		"100.128.0.1:443":              true,
		"[2a00:1450:4001::200a]:443":   true,
		"[64:ff9b::8efa:4a0a]:443":     true,
		"[::ffff:142.250.74.10]:443":   true,
		"10.0.0.7:443":                 false,
		"172.31.255.255:443":           false,
		"192.168.1.1:443":              false,
		"100.64.0.1:443":               false,
		"100.127.255.255:443":          false,
		"198.18.0.1:443":               false,
		"192.0.2.1:443":                false,
		"203.0.113.9:443":              false,
		"0.1.2.3:443":                  false,
		"240.0.0.1:443":                false,
		"255.255.255.255:443":          false,
		"[fd00::7]:443":                false,
		"[fec0::1]:443":                false,
		"[64:ff9b::a00:7]:443":         false,
		"[64:ff9b:1::a00:7]:443":       false,
		"[::ffff:10.0.0.7]:443":        false,
		"[::a00:7]:443":                false,
		"[2001:db8::1]:443":            false,
		"[2002:a00:7::1]:443":          false,
		"[2001:0:4136:e378::1]:443":    false,
		"127.0.0.1:443":                false,
		"[fe80::1]:443":                false,
		"[64:ff9b::7f00:1]:443":        false,
		"[2001:4860:4860::8888]:443":   true,
		"[2606:4700:4700::1111]:65535": true,
	}
	for address, allowed := range tests {
		err := guard.of("push.example").Control("tcp", address, nil)
		if (err == nil) != allowed || err != nil && !errors.Is(err, ErrForbiddenAddress) {
			t.Errorf("%s: got %v", address, err)
		}
	}
	if err := guard.of("vendor.example").Control("tcp", "10.0.0.7:443", nil); err != nil {
		t.Errorf("a host of the administrator's: %v", err)
	}
	loop := EndpointGuard{AllowLoopback: true, PublicOnly: true}
	if err := loop.Control("tcp", "127.0.0.1:443", nil); err != nil {
		t.Errorf("loopback in a test: %v", err)
	}
}

// TestForeignHostsAreDialedInPublicOnly has the whole client refuse before a packet leaves.
func TestForeignHostsAreDialedInPublicOnly(t *testing.T) {
	t.Parallel()
	client, err := NewClient(config.Endpoint{}, Deps{Guard: EndpointGuard{Foreign: func(host string) bool { return host == "10.255.255.1" }}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	if err := call(t, client, "https://10.255.255.1/"); !errors.Is(err, ErrForbiddenAddress) {
		t.Errorf("got %v", err)
	}
}
