package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/store/postgres/postgrestest"
)

// checkPlans refuses every statement that reads a table that grows as a whole,
// in a database with a million devices, instead of finding its rows by an index.
func checkPlans(t *testing.T, queries map[string]int) {
	t.Helper()
	conn := million(t)
	checked := 0
	for _, query := range slices.Sorted(maps.Keys(queries)) {
		query = partitionOfInbox.ReplaceAllString(query, "@.inbox")
		if !planned(query) || query == countOwned || query == countLetters { // which count a good part of them, seldom
			continue
		}
		checked++
		for _, table := range readWhole(t, conn, query) {
			t.Errorf("reads all of %s: %s", table, query)
		}
	}
	if checked < 50 {
		t.Errorf("the suite made %d queries only; the plans of the rest are unknown", checked)
	}
}

// planned reports whether a statement is one of the store's own that has a plan.
func planned(query string) bool {
	word, _, _ := strings.Cut(strings.TrimSpace(query), " ")
	return slices.Contains([]string{"SELECT", "INSERT", "UPDATE", "DELETE", "WITH"}, strings.ToUpper(strings.TrimSpace(word))) &&
		strings.Contains(query, "@.") && !strings.Contains(query, "goose_")
}

// small tables have a row for each process, channel or state, or for what is going on right now.
func small(table string) bool {
	return slices.Contains([]string{"meta", "leases", "account", "backlog", "access_tokens", "erasures", "quotas", "channel_days"}, table)
}

// partitionOfInbox is one of the suite's, which the million have not; theirs are as large.
var partitionOfInbox = regexp.MustCompile(`@\."inbox_\d{8}"`)

var parameter = regexp.MustCompile(`\$(\d+)`)

// readWhole lists the tables that grow and that the query's generic plan, which
// knows no parameter, reads as a whole.
func readWhole(t *testing.T, conn *pgx.Conn, query string) (tables []string) {
	t.Helper()
	parameters := 0
	for _, m := range parameter.FindAllStringSubmatch(query, -1) {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		parameters = max(parameters, n)
	}
	execute := "q"
	if parameters > 0 {
		execute += "(NULL" + strings.Repeat(", NULL", parameters-1) + ")"
	}
	results := sqlOn(t, conn, `SET plan_cache_mode = force_generic_plan;
		PREPARE q AS `+strings.ReplaceAll(query, "@.", "push.")+`; EXPLAIN (FORMAT JSON) EXECUTE `+execute+`; DEALLOCATE q`)
	var plans []struct {
		Plan node `json:"Plan"`
	}
	if err := json.Unmarshal(results[2].Rows[0][0], &plans); err != nil {
		t.Fatal(err)
	}
	return plans[0].Plan.wholes()
}

// node is one step of a plan.
type node struct {
	Type     string `json:"Node Type"`
	Relation string `json:"Relation Name"`
	Plans    []node `json:"Plans"`
}

func (n node) wholes() (tables []string) {
	if n.Type == "Seq Scan" && !small(n.Relation) {
		tables = append(tables, n.Relation)
	}
	for _, inner := range n.Plans {
		tables = append(tables, inner.wholes()...)
	}
	return tables
}

// million connects to a store of a million devices, each bound and with a token.
func million(t *testing.T) *pgx.Conn {
	t.Helper()
	server := postgrestest.Start(t, postgrestest.Options{NoSync: true, Settings: map[string]string{
		"max_wal_size": "8GB", "shared_buffers": "256MB", "maintenance_work_mem": "256MB",
	}})
	uri := server.URI(server.NewDatabase(t))
	s, err := Open(t.Context(), options(config.Postgres{URI: config.NewSecret(uri), Schema: "push"}))
	if err != nil {
		t.Fatal(err)
	}
	today := dayOf(millis(s.Now()))
	partitions, err := s.partitions(t.Context(), s.pool)
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), uri)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	for _, p := range partitions { // an empty one is rightly read as a whole
		if p.day != today {
			sqlOn(t, conn, `DROP TABLE push.`+p.name)
		}
	}
	for _, query := range filling(today) {
		sqlOn(t, conn, query)
	}
	return conn
}

func sqlOn(t *testing.T, conn *pgx.Conn, sql string) []*pgconn.Result {
	t.Helper()
	results, err := conn.PgConn().Exec(t.Context(), sql).ReadAll()
	if err != nil {
		t.Fatalf("%v for %s", err, sql)
	}
	return results
}

// filling makes the rows, without the triggers and with the statistics that the autovacuum would make.
func filling(today int64) []string {
	const devices, others = 1_000_000, 200_000
	at := func(table string) string {
		return fmt.Sprintf(`FROM (SELECT n, %d + n AS ms, ('%s' || lpad(to_hex(n), 12, '0'))::uuid AS id FROM generate_series(1, %d) AS n) AS %s`,
			today*dayMillis, firstID(today).String()[:24], others, table)
	}
	return []string{
		`SET session_replication_role = replica; SET search_path = push`,
		fmt.Sprintf(`INSERT INTO users (user_id, last_seq) SELECT 'user-' || n, 1 FROM generate_series(1, %d) AS n`, devices),
		fmt.Sprintf(`INSERT INTO devices (push_id, secret_hash, vendor, app_type, region, environment, platform, user_key, epoch, token_gen, registered_at, seen_at)
			SELECT 'push-' || n, '\x00', 'FCM', 1, '', '', 'Android', n, 1, 1, n, n FROM generate_series(1, %d) AS n`, devices),
		fmt.Sprintf(`INSERT INTO tokens (device_key, kind, vendor, app_type, environment, token_hash, value, gen, channel, answered_at, accepted_at)
			SELECT n, 'alert', 'FCM', 1, '', sha256(n::text::bytea), n, 1, 'fcm', n, n FROM generate_series(1, %d) AS n`, devices),
		fmt.Sprintf(`INSERT INTO cursors SELECT n, n, 1 FROM generate_series(1, %d) AS n`, devices),
		fmt.Sprintf(`INSERT INTO badges SELECT n, 1 FROM generate_series(1, %d) AS n`, devices),
		fmt.Sprintf(`INSERT INTO user_rules SELECT n, '{}' FROM generate_series(1, %d) AS n`, others),
		fmt.Sprintf(`INSERT INTO crowded SELECT n, 11000 FROM generate_series(1, %d) AS n`, others),
		fmt.Sprintf(`INSERT INTO mutes SELECT n, 'Peer:x' FROM generate_series(1, %d) AS n`, others),
		fmt.Sprintf(`INSERT INTO presence SELECT 'user-' || n, n FROM generate_series(1, %d) AS n`, others),
		`INSERT INTO messages SELECT id, 'sender', 'body', NULL, ms, ms ` + at("m"),
		`INSERT INTO inbox SELECT n, 1, id ` + at("i"),
		`INSERT INTO idempotency SELECT 'sender', n::text, '\x00', id, ms ` + at("k"),
		`INSERT INTO deliveries (message_id, channel, owner, targets, target_count, attempt, due_at, expires_at, changed_at)
			SELECT id, 'fcm', n % 3 + 1, '\x00', 1, 0, ms, ms, ms ` + at("d"),
		`INSERT INTO outcomes (message_id, user_key, device_key, channel, state, reason, code, detail, vendor_message_id, at)
			SELECT id, n, n, 'fcm', 'Handed', '', '', '', '', ms ` + at("o"),
		`INSERT INTO receipts SELECT id, n, 'Delivered', 'fcm', '', '', ms ` + at("r"),
		`INSERT INTO dead_letters (message_id, user_key, device_key, seq, badge, channel, rule, state, reason, class, code, detail, in_doubt, at)
			SELECT id, n, n, 1, 0, 'fcm', '', 'Failed', 'Rejected', 'Rejected', '400', '', false, ms ` + at("l"),
		`INSERT INTO letter_messages SELECT id, 'user-' || n, 'Chat', NULL, 'body', '{}', ms, ms ` + at("k"),
		`INSERT INTO push_tests SELECT n::text, '\x00', id, ms, '{}' ` + at("t"),
		`INSERT INTO push_test_devices SELECT id, n, ms ` + at("p"),
		`INSERT INTO calls SELECT n::text, 1, CASE WHEN n % 2 = 0 THEN ms END, ms, '{}' ` + at("c"),
		fmt.Sprintf(`INSERT INTO groups (group_id, seq, members, created_at, deleted_at)
			SELECT 'group-' || n, 2, 5, n, CASE WHEN n %% 10 = 0 THEN n END FROM generate_series(1, %d) AS n`, others),
		fmt.Sprintf(`INSERT INTO group_members SELECT n %% %d + 1, n, 1, CASE WHEN n %% 10 = 0 THEN 2 END, CASE WHEN n %% 10 = 0 THEN n END
			FROM generate_series(1, %d) AS n`, others, devices),
		`INSERT INTO expansions SELECT id, n % 3 + 1, CASE WHEN n % 100 = 0 THEN 0 ELSE n END, 1, '{}', 'Done', n, n, n, 1, 1, ms,
			CASE WHEN n % 1000 = 0 THEN 0 ELSE ms END ` + at("x"),
		`VACUUM ANALYZE`,
	}
}

func TestPlansAreToldApart(t *testing.T) {
	t.Parallel()
	n := node{Type: "Nested Loop", Plans: []node{{Type: "Seq Scan", Relation: "leases"}, {Type: "Seq Scan", Relation: "devices"}}}
	if got := n.wholes(); !slices.Equal(got, []string{"devices"}) {
		t.Errorf("reads all of %v, want devices", got)
	}
	for query, want := range map[string]bool{
		"SELECT 1 FROM @.users":              true,
		"WITH x AS (SELECT 1 FROM @.users)":  true,
		"LOCK TABLE @.messages":              false,
		"SELECT 1 FROM @.goose_db_version":   false,
		"SELECT relname FROM pg_class":       false,
		"\n\t\tDELETE FROM @.users WHERE $1": true,
	} {
		if planned(query) != want {
			t.Errorf("%s: planned %v, want %v", query, !want, want)
		}
	}
}
