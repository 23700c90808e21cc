package binding

import (
	"slices"
	"strings"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
)

// normalize fills in what a phone left out, so that the selector equals that of
// its channel row, and refuses what no row can ever equal.
func (s *Service) normalize(in message.Selector, token string) (message.Selector, error) {
	if in.Vendor == "" {
		return sessionOnly(in, token)
	}
	if !slices.Contains(s.deps.Vendors, in.Vendor) {
		return in, &message.FieldError{Field: "vendor", Problem: "must be one of " + strings.Join(s.deps.Vendors, ", ")}
	}
	if in.AppType == 0 {
		in.AppType = 1
	}
	if in.AppType < 1 || in.AppType > 9 {
		return in, &message.FieldError{Field: "appType", Problem: "must be 1 to 9"}
	}
	if in.Region == "" && in.Vendor == "OPPO" {
		in.Region = oppoRegion(token)
	}
	scope := config.ScopeOf(in.Vendor)
	var err error
	if in.Region, err = choose("region", in.Vendor, in.Region, scope.Regions); err != nil {
		return in, err
	}
	in.Environment, err = choose("environment", in.Vendor, in.Environment, scope.Environments)
	return in, err
}

// sessionOnly is the selector of a device without a vendor, such as a desktop: it has sessions and is never pushed.
func sessionOnly(in message.Selector, token string) (message.Selector, error) {
	for _, given := range []struct{ field, value string }{{"token", token}, {"region", in.Region}, {"environment", in.Environment}} {
		if given.value != "" {
			return in, noVendor(given.field)
		}
	}
	return message.Selector{}, nil
}

func noVendor(beside string) error {
	return &message.FieldError{Field: "vendor", Problem: "must be set beside " + beside + "; leave both out for a device that only has sessions"}
}

// choose gives one of the vendor's values, the first one for a phone that names none.
func choose(field, vendor, given string, values []string) (string, error) {
	switch {
	case len(values) == 0 && given != "":
		return given, &message.FieldError{Field: field, Problem: vendor + " has no " + field + "s, leave it out"}
	case len(values) == 0:
		return "", nil
	case given == "":
		return values[0], nil
	case !slices.Contains(values, given):
		return given, &message.FieldError{Field: field, Problem: "must be one of " + strings.Join(values, ", ")}
	}
	return given, nil
}

// oppoRegion reads the region off a registration id: CN, OPPO_CN_ and ids of one part are Chinese (docs/vendors/oppo.md).
func oppoRegion(token string) string {
	parts := strings.Split(token, "_")
	switch n := len(parts); {
	case n == 1, n == 2 && parts[0] == "CN", n == 3 && parts[1] == "CN":
		return "China"
	}
	return "Global"
}
