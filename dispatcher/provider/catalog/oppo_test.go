package catalog

import (
	"testing"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/simulator/oppo"
)

func oppoBench(t *testing.T) bench { return oppoApp(t, oppo.App{Categories: []string{"IM"}}) }

// oppoApp is a bench with an app of these properties.
func oppoApp(t *testing.T, a oppo.App) bench {
	t.Helper()
	s := simulated(t)
	sim := s.Client()
	a.AppKey = "oppo-" + app
	var made oppo.App
	must(t, sim.CreateApp(t.Context(), oppo.Name, a, &made))
	row := func(secret string) *config.OPPOChannel {
		return &config.OPPOChannel{AppKey: a.AppKey, Region: "China", MasterSecret: config.NewSecret(secret)}
	}
	return bench{
		vendor: oppo.Name, app: a.AppKey, account: a.AppKey, sim: sim, quota: message.QuotaExhausted,
		row: config.Channel{
			Name: "oppo", Vendor: string(OPPO), AppType: 1,
			Endpoint: config.Endpoint{URL: s.URL + "/oppo", CABundle: string(s.CA)},
			OPPO:     row(made.MasterSecret),
		},
		rotate: func(t *testing.T, c config.Channel) config.Channel {
			var rotated oppo.App
			must(t, sim.RotateApp(t.Context(), oppo.Name, a.AppKey, "", &rotated))
			c.OPPO = row(rotated.MasterSecret)
			return c
		},
	}
}
