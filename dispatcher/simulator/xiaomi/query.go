package xiaomi

import (
	"net/http"
	"strconv"

	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

// quota is GET /v1/trace/quota/get: today's allowance.
func (v *Vendor) quota(_ *http.Request, a App) answer {
	if !v.rates.Allow("quota of "+a.PackageName, 1, 1) {
		return refuse(10027, "At most one call per second")
	}
	return succeed("", map[string]string{
		"day_quota": strconv.Itoa(a.DayQuota), "day_acked": strconv.Itoa(v.delivered.Used(a.PackageName)),
	})
}

// validate tells which ids are alive.
func (v *Vendor) validate(r *http.Request, a App) answer {
	targets := split(r.FormValue("registration_ids"))
	traffic.SetTargets(r, targets...)
	if len(targets) == 0 || len(targets) > maxTargets {
		return refuse(10017, "Invalid parameter registration_ids: from 1 to 1000")
	}
	valid, invalid := []string{}, []string{}
	for _, target := range targets {
		if h, ok := v.phones.Lookup(Name, target); ok && h.App() == a.PackageName {
			valid = append(valid, target)
			continue
		}
		invalid = append(invalid, target)
	}
	return succeed("", map[string][]string{"valid_regids": valid, "invalid_regids": invalid})
}

// feedback hands out the dead ids of former pushes, once.
func (v *Vendor) feedback(_ *http.Request, a App) answer {
	return succeed("", map[string][]string{"list": v.fetchInvalid(a)})
}
