package binding

import (
	"fmt"
	"slices"
	"strings"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider/catalog"
)

// defaultRegion is Mi Push's for a phone that names none.
const defaultRegion = "China"

// regions are those of a vendor; nil when it has none.
func regions(v catalog.Vendor) []string {
	if v == catalog.Xiaomi {
		return []string{defaultRegion, "Russia", "India", "Europe", "Global"}
	}
	return nil
}

// normalize fills in what a phone left out, so that the selector equals that of
// its channel row, and refuses what no row can ever equal.
func (s *Service) normalize(in message.Selector) (message.Selector, error) {
	vendor := catalog.Vendor(in.Vendor)
	if !slices.Contains(s.deps.Vendors, vendor) {
		return in, &message.FieldError{Field: "vendor", Problem: fmt.Sprintf("must be one of %v", s.deps.Vendors)}
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
	return normalizeRegion(in, regions(vendor))
}

func normalizeRegion(in message.Selector, known []string) (message.Selector, error) {
	switch {
	case known == nil && in.Region != "":
		return in, &message.FieldError{Field: "region", Problem: in.Vendor + " has no regions, leave it out"}
	case known != nil && in.Region == "":
		in.Region = defaultRegion
	case known != nil && !slices.Contains(known, in.Region):
		return in, &message.FieldError{Field: "region", Problem: "must be one of " + strings.Join(known, ", ")}
	}
	return in, nil
}
