package pushchannel

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/condition"
)

// Endpoints are the hosts, with their ports, that may replace a vendor's public address.
type Endpoints []string

// ParseEndpoints reads a list of host[:port] separated by commas. Without a port it is 443.
func ParseEndpoints(list string) (Endpoints, error) {
	var out Endpoints
	for entry := range strings.SplitSeq(list, ",") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		u, err := url.Parse("https://" + entry)
		if err != nil || u.Host != entry || u.Hostname() == "" {
			return nil, fmt.Errorf("%q must be host or host:port", entry)
		}
		out = append(out, hostPort(u))
	}
	return out, nil
}

// check refuses an endpoint whose host is not allowed.
func (e Endpoints) check(endpoint *pushv1.ChannelEndpoint) error {
	if endpoint == nil {
		return nil
	}
	for _, field := range []struct {
		name  string
		value pushv1.HTTPSURL
	}{{"url", endpoint.URL}, {"authURL", endpoint.AuthURL}} {
		if field.value == "" {
			continue
		}
		u, err := url.Parse(string(field.value))
		if err != nil {
			return condition.Terminal(pushv1.ReasonInvalidSpec, "spec.endpoint.%s: is no URL", field.name)
		}
		if host := hostPort(u); !slices.Contains(e, host) {
			return condition.Terminal(pushv1.ReasonEndpointNotAllowed,
				"spec.endpoint.%s: host %s is not allowed: remove the endpoint, or add %s to the manager's --allowed-endpoints", field.name, host, host)
		}
	}
	return nil
}

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "443"
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}
