package dashboard

// The kinds of panels.
const (
	timeseries = "timeseries"
	stat       = "stat"
	table      = "table"
)

// All are the dashboards by the name of their file.
func All() map[string]Dashboard {
	return map[string]Dashboard{"apps": apps(), "channels": channels(), "manager": manager()}
}

func graph(title, says, unit string, queries ...query) picture {
	return picture{kind: timeseries, title: title, says: says, unit: unit, queries: queries}
}

// number is red from the value on.
func number(title, says, unit, expr string, red float64) picture {
	return picture{kind: stat, title: title, says: says, unit: unit, queries: []query{{expr: expr}}, red: new(red)}
}

// percentiles are of a histogram's buckets, summed up by le.
func percentiles(buckets string) []query {
	return []query{
		{"histogram_quantile(0.5, " + buckets + ")", "half"},
		{"histogram_quantile(0.95, " + buckets + ")", "95 %"},
		{"histogram_quantile(0.99, " + buckets + ")", "99 %"},
	}
}

const (
	app = `namespace=~"$namespace", app=~"$app"`
	row = app + `, channel=~"$channel"`
)

func apps() Dashboard {
	variables := []Variable{choice("namespace", "Namespace", "offlinepush_store_ready"), choice("app", "App", "offlinepush_store_ready")}
	return lay("offlinepush-apps", "Offline Push / Apps", "What comes in, what goes out, and what waits.", variables, []section{
		{"Now", 4, 4, appNumbers()},
		{"Messages", 12, 8, []picture{
			graph("Accepted", "Accept requests per second.", "ops",
				query{`sum by (result) (rate(offlinepush_accepted_total{` + app + `}[$__rate_interval]))`, "{{result}}"}),
			graph("Time to accept", "Until a batch is stored.", "s",
				percentiles(`sum by (le) (rate(offlinepush_accept_seconds_bucket{`+app+`}[$__rate_interval]))`)...),
			graph("Messages for many", "Receivers per second, and messages that are not at all of theirs.", "short",
				query{`sum(rate(offlinepush_expanded_total{` + app + `}[$__rate_interval]))`, "receivers per second"},
				query{`sum(max by (namespace, app) (offlinepush_unexpanded{` + app + `}))`, "messages under way"}),
			graph("Inbox entries that nobody fetched", "Per second, by why they went.", "ops",
				query{`sum by (reason) (rate(offlinepush_inbox_expired_total{` + app + `}[$__rate_interval]))`, "{{reason}}"}),
		}},
		{"Pushes", 12, 8, []picture{
			graph("Ends of pushes", "Per second, by state.", "ops",
				query{`sum by (state) (rate(offlinepush_targets_total{` + app + `}[$__rate_interval]))`, "{{state}}"}),
			graph("Why pushes end without the vendor", "Per second, by reason.", "ops",
				query{`sum by (state, reason) (rate(offlinepush_targets_total{` + app + `, state!="Handed"}[$__rate_interval]))`, "{{state}} {{reason}}"}),
			graph("Waiting", "Targets that wait, by channel.", "short",
				query{`max by (namespace, app, channel) (offlinepush_pending_targets{` + app + `})`, "{{app}} {{channel}}"}),
			graph("From message to vendor", "95 % are faster.", "s",
				query{`histogram_quantile(0.95, sum by (app, channel, le) (rate(offlinepush_push_seconds_bucket{` + app + `}[$__rate_interval])))`, "{{app}} {{channel}}"}),
		}},
		{"What did not arrive", 12, 8, []picture{
			graph("Dead letters", "Pushes that finally failed and are kept, by reason.", "short",
				query{`sum by (reason) (max by (namespace, app, channel, reason) (offlinepush_dead_letters{` + app + `}))`, "{{reason}}"}),
			graph("Tokens", "Per hour: called dead by a vendor's list, deleted after their quarantine, restored, and letters pushed again.", "short",
				query{`sum by (channel) (increase(offlinepush_feedback_tokens_total{` + app + `}[1h]))`, "{{channel}} called dead"},
				query{`sum(increase(offlinepush_tokens_dropped_total{` + app + `}[1h]))`, "deleted"},
				query{`sum by (channel) (increase(offlinepush_tokens_restored_total{` + app + `}[1h]))`, "{{channel}} restored"},
				query{`sum(increase(offlinepush_dead_letters_requeued_total{` + app + `}[1h]))`, "letters pushed again"}),
		}},
		{"Dispatchers", 8, 8, dispatchers()},
	})
}

func appNumbers() []picture {
	ready := number("Stores that answer", "Share of the dispatchers whose store answers.", "percentunit", `avg(offlinepush_store_ready{`+app+`})`, 1)
	ready.belowRed = true
	return []picture{
		number("Accepted per second", "", "ops", `sum(rate(offlinepush_accepted_total{`+app+`, result="stored"}[$__rate_interval]))`, 1e9),
		number("Handed per second", "", "ops", `sum(rate(offlinepush_targets_total{`+app+`, state="Handed"}[$__rate_interval]))`, 1e9),
		number("Waiting", "Targets.", "short", `sum(max by (namespace, app, channel) (offlinepush_pending_targets{`+app+`}))`, 1e6),
		number("Unaccounted", "Anything but 0 is a bug.", "short", `sum(max by (namespace, app) (abs(offlinepush_unaccounted{`+app+`})))`, 1),
		number("Sessions", "", "short", `sum(offlinepush_sessions{`+app+`})`, 1e9),
		ready,
	}
}

func dispatchers() []picture {
	return []picture{
		graph("Sessions", "By dispatcher.", "short", query{`sum by (pod) (offlinepush_sessions{` + app + `})`, "{{pod}}"}),
		graph("Callbacks", "Events for the app's server per second.", "ops",
			query{`sum by (result) (rate(offlinepush_callbacks_total{` + app + `}[$__rate_interval]))`, "{{result}}"}),
		graph("Configuration", "1 while the newest is in force, and fields that are too new.", "short",
			query{`min by (pod) (offlinepush_config_loaded{` + app + `})`, "{{pod}} in force"},
			query{`max by (pod) (offlinepush_config_unknown_fields{` + app + `})`, "{{pod}} unknown fields"}),
		graph("Processor", "Cores.", "short",
			query{`sum by (pod) (rate(process_cpu_seconds_total{job="offlinepush-dispatcher", ` + app + `}[$__rate_interval]))`, "{{pod}}"}),
		graph("Memory", "", "bytes", query{`sum by (pod) (process_resident_memory_bytes{job="offlinepush-dispatcher", ` + app + `})`, "{{pod}}"}),
		graph("Goroutines", "", "short", query{`sum by (pod) (go_goroutines{job="offlinepush-dispatcher", ` + app + `})`, "{{pod}}"}),
	}
}

func channels() Dashboard {
	variables := []Variable{
		choice("namespace", "Namespace", "offlinepush_channel_state"), choice("app", "App", "offlinepush_channel_state"),
		choice("channel", "Channel", "offlinepush_channel_state"),
	}
	return lay("offlinepush-channels", "Offline Push / Channels", "What the vendors answer, how fast, and how much is left.", variables, []section{
		{"State", 24, 7, []picture{
			{
				kind: "state-timeline", title: "Trouble", says: "States that keep pushes back.", queries: []query{{
					`max by (app, channel, state) (offlinepush_channel_state{` + row + `, state!~"Delivering|NoTraffic"}) > 0`, "{{app}} {{channel}} {{state}}",
				}},
			},
		}},
		{"Vendor", 12, 8, []picture{
			graph("Answers", "Per second, by class.", "ops",
				query{`sum by (channel, class) (rate(offlinepush_vendor_outcomes_total{` + row + `}[$__rate_interval])) > 0`, "{{channel}} {{class}}"}),
			graph("Accepted", "Share of the answers.", "percentunit", query{
				`sum by (channel) (rate(offlinepush_vendor_outcomes_total{` + row + `, class="Accepted"}[$__rate_interval])) / sum by (channel) (rate(offlinepush_vendor_outcomes_total{` + row + `}[$__rate_interval]))`,
				"{{channel}}",
			}),
			graph("Calls", "Per second.", "ops",
				query{`sum by (channel) (rate(offlinepush_vendor_call_seconds_count{` + row + `}[$__rate_interval]))`, "{{channel}}"}),
			graph("Duration of a call", "95 % are shorter.", "s",
				query{`histogram_quantile(0.95, sum by (channel, le) (rate(offlinepush_vendor_call_seconds_bucket{` + row + `}[$__rate_interval])))`, "{{channel}}"}),
		}},
		{"Pushes", 12, 8, []picture{
			graph("Waiting", "Targets.", "short", query{`max by (app, channel) (offlinepush_pending_targets{` + row + `})`, "{{app}} {{channel}}"}),
			graph("From message to vendor", "", "s", percentiles(`sum by (le) (rate(offlinepush_push_seconds_bucket{`+row+`}[$__rate_interval]))`)...),
			graph("Failed and expired", "Per second, by reason.", "ops",
				query{`sum by (channel, reason) (rate(offlinepush_targets_total{` + row + `, state=~"Failed|Expired"}[$__rate_interval]))`, "{{channel}} {{reason}}"}),
			graph("Receipts", "What vendors report, per second.", "ops",
				query{`sum by (channel, event) (rate(offlinepush_receipts_total{` + row + `}[$__rate_interval]))`, "{{channel}} {{event}}"}),
		}},
		{"Quota of the day", 12, 8, []picture{
			graph("Used", "Share of the app's part, by class.", "percentunit", query{
				`max by (app, channel, class) (offlinepush_quota_used{` + row + `}) / max by (app, channel, class) (offlinepush_quota_limit{` + row + `})`,
				"{{app}} {{channel}} {{class}}",
			}),
			graph("Left", "Pushes.", "short", query{
				`max by (app, channel, class) (offlinepush_quota_limit{` + row + `}) - max by (app, channel, class) (offlinepush_quota_used{` + row + `})`,
				"{{app}} {{channel}} {{class}}",
			}),
		}},
	})
}

const ours = `job="offlinepush-manager"`

func manager() Dashboard {
	return lay("offlinepush-manager", "Offline Push / Manager", "Objects and the controllers that keep them.",
		[]Variable{choice("namespace", "Namespace", "offlinepush_condition")}, []section{
			{"Objects", 12, 8, []picture{
				{
					kind: table, title: "Not ready", says: "With the reason; kubectl has the message.", queries: []query{{
						expr: `max by (kind, namespace, name, reason) (offlinepush_condition{namespace=~"$namespace", type="Ready", status!="True"})`,
					}},
				},
				graph("Objects by state", "", "short",
					query{`count by (kind, reason) (max by (kind, namespace, name, reason) (offlinepush_condition{namespace=~"$namespace", type="Ready"}))`, "{{kind}} {{reason}}"}),
				graph("Credentials", "Time until they run out.", "s",
					query{`min by (namespace, name) (offlinepush_channel_credential_expiry_timestamp_seconds{namespace=~"$namespace"}) - time()`, "{{namespace}}/{{name}}"}),
				graph("Other conditions that are not True", "", "short",
					query{`count by (kind, type, reason) (max by (kind, namespace, name, type, reason) (offlinepush_condition{namespace=~"$namespace", type!~"Ready|Stalled|Reconciling", status!="True"}))`, "{{kind}} {{type}} {{reason}}"}),
			}},
			{"Controllers", 8, 8, []picture{
				graph("Passes", "Per second.", "ops",
					query{`sum by (controller, result) (rate(controller_runtime_reconcile_total{` + ours + `}[$__rate_interval]))`, "{{controller}} {{result}}"}),
				graph("Errors", "Per second.", "ops",
					query{`sum by (controller) (rate(controller_runtime_reconcile_errors_total{` + ours + `}[$__rate_interval]))`, "{{controller}}"}),
				graph("Duration of a pass", "95 % are shorter.", "s",
					query{`histogram_quantile(0.95, sum by (controller, le) (rate(controller_runtime_reconcile_time_seconds_bucket{` + ours + `}[$__rate_interval])))`, "{{controller}}"}),
				graph("Waiting objects", "", "short", query{`sum by (controller) (workqueue_depth{` + ours + `})`, "{{controller}}"}),
				graph("Processor", "Cores.", "short", query{`sum by (pod) (rate(process_cpu_seconds_total{` + ours + `}[$__rate_interval]))`, "{{pod}}"}),
				graph("Memory", "", "bytes", query{`sum by (pod) (process_resident_memory_bytes{` + ours + `})`, "{{pod}}"}),
			}},
		})
}
