package provider

import (
	"errors"
	"testing"
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
