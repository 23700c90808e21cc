package binding

import (
	"slices"
	"strings"

	"github.com/offlinepush/operator/dispatcher/message"
)

// The regions of Mi Push; a phone that names none is a Chinese one.
const (
	vendorXiaomi  = "Xiaomi"
	defaultRegion = "China"
)

func xiaomiRegions() []string { return []string{"China", "Russia", "India", "Europe", "Global"} }

// normalize fills in what a phone left out, so that the selector equals that of
// its channel row, and refuses what no row can ever equal.
func (s *Service) normalize(in message.Selector) (message.Selector, error) {
	if !slices.Contains(s.deps.Vendors, in.Vendor) {
		return in, &message.FieldError{Field: "vendor", Problem: "must be one of " + strings.Join(s.deps.Vendors, ", ")}
	}
	if in.AppType == 0 {
		in.AppType = 1
	}
	if in.AppType < 1 || in.AppType > 9 {
		return in, &message.FieldError{Field: "appType", Problem: "must be 1 to 9"}
	}
	if in.Environment != "" {
		return in, &message.FieldError{Field: "environment", Problem: in.Vendor + " has no environments, leave it out"}
	}
	return normalizeRegion(in)
}

func normalizeRegion(in message.Selector) (message.Selector, error) {
	switch {
	case in.Vendor != vendorXiaomi && in.Region != "":
		return in, &message.FieldError{Field: "region", Problem: in.Vendor + " has no regions, leave it out"}
	case in.Vendor == vendorXiaomi && in.Region == "":
		in.Region = defaultRegion
	case in.Vendor == vendorXiaomi && !slices.Contains(xiaomiRegions(), in.Region):
		return in, &message.FieldError{Field: "region", Problem: "must be one of " + strings.Join(xiaomiRegions(), ", ")}
	}
	return in, nil
}
