package provider

import (
	"fmt"
	"strings"

	"github.com/offlinepush/operator/dispatcher/config"
)

// Region is a region of a vendor with its address.
type Region struct{ Name, URL string }

// BaseURL is where a channel's vendor is: the endpoint's address, or the region's. A phone of another region is unknown
// there, so that there is no default. The error names the field, such as oppo.region.
func BaseURL(row config.Channel, field string, regions ...Region) (string, error) {
	if row.Endpoint.URL != "" {
		return strings.TrimSuffix(row.Endpoint.URL, "/"), nil
	}
	wanted, _ := row.Place()
	names := make([]string, len(regions))
	for i, r := range regions {
		if names[i] = r.Name; r.Name == wanted {
			return r.URL, nil
		}
	}
	last := len(names) - 1
	return "", fmt.Errorf("%s: is %q, must be %s or %s", field, wanted, strings.Join(names[:last], ", "), names[last])
}
