package postgres

import (
	"context"
	"crypto/sha256"
	"maps"
	"slices"
)

const (
	insertDevices = `INSERT INTO @.devices (device_key, push_id, secret_hash, vendor, app_type, region, environment, platform,
			user_key, epoch, token_gen, registered_at, seen_at, confirmed_epoch, lost_hash, login_at) OVERRIDING SYSTEM VALUE
		SELECT * FROM unnest($1::bigint[], $2::text[], $3::bytea[], $4::text[], $5::integer[], $6::text[], $7::text[], $8::text[],
			$9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bytea[], $16::bigint[])`
	moveDevices = `UPDATE @.devices d SET user_key = n.user_key, epoch = n.epoch, token_gen = n.token_gen, seen_at = n.seen_at,
			session = CASE WHEN d.epoch = n.epoch THEN d.session END,
			session_number = CASE WHEN d.epoch = n.epoch THEN d.session_number END, lost_hash = coalesce(n.lost_hash, d.lost_hash),
			grace_until = CASE WHEN d.epoch = n.epoch THEN d.grace_until ELSE 0 END, login_at = n.login_at
		FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bytea[], $7::bigint[])
			AS n(device_key, user_key, epoch, token_gen, seen_at, lost_hash, login_at)
		WHERE d.device_key = n.device_key`
	replaceDevices = `UPDATE @.devices d SET secret_hash = n.secret_hash, vendor = n.vendor, app_type = n.app_type, region = n.region,
			environment = n.environment, platform = n.platform, registered_at = n.registered_at
		FROM unnest($1::bigint[], $2::bytea[], $3::text[], $4::integer[], $5::text[], $6::text[], $7::text[], $8::bigint[])
			AS n(device_key, secret_hash, vendor, app_type, region, environment, platform, registered_at)
		WHERE d.device_key = n.device_key`
	deleteTokens = `DELETE FROM @.tokens t USING unnest($1::bigint[], $2::text[]) AS n(device_key, kind)
		WHERE t.device_key = n.device_key AND t.kind = n.kind`
	insertTokens = `INSERT INTO @.tokens (device_key, kind, vendor, app_type, environment, token_hash, value, gen, set_at)
		SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::integer[], $5::text[], $6::bytea[], $7::text[], $8::bigint[], $9::bigint[])`
	// renewTokens notes when the phone said that it still has a token, unless that is known to the minute. It locks the
	// tokens in their order, like all that writes several.
	renewTokens = `UPDATE @.tokens t SET quarantined_at = NULL, set_at = greatest(t.set_at, o.at)
		FROM (SELECT t.device_key, t.kind, n.set_at AS at
			FROM unnest($1::bigint[], $2::text[], $3::bigint[]) AS n(device_key, kind, set_at)
			JOIN @.tokens t ON t.device_key = n.device_key AND t.kind = n.kind
				AND (t.quarantined_at IS NOT NULL OR t.set_at < n.set_at - 60000)
			ORDER BY t.device_key, t.kind FOR NO KEY UPDATE OF t) AS o
		WHERE t.device_key = o.device_key AND t.kind = o.kind`
	// A device that is new to a user begins before the first entry that is kept.
	openCursors = `INSERT INTO @.cursors (device_key, user_key, acked)
		SELECT n.device_key, u.user_key, coalesce((SELECT min(i.seq) - 1 FROM @.inbox i WHERE i.user_key = u.user_key), u.last_seq)
		FROM unnest($1::bigint[], $2::bigint[]) AS n(device_key, user_key) JOIN @.users u ON u.user_key = n.user_key
		WHERE NOT EXISTS (SELECT 1 FROM @.cursors c WHERE c.device_key = n.device_key AND c.user_key = n.user_key)
		ON CONFLICT DO NOTHING`
	deleteTokensOf  = `DELETE FROM @.tokens WHERE device_key = ANY($1::bigint[])`
	deleteCursorsOf = `DELETE FROM @.cursors WHERE device_key = ANY($1::bigint[])`
	deleteDevices   = `DELETE FROM @.devices WHERE device_key = ANY($1::bigint[])`
)

// write brings the tables to the state of the work, in one round trip.
func (w *work) write(ctx context.Context, t *tx) error {
	b := t.batch()
	states := slices.SortedFunc(maps.Values(w.devices), byKey)
	writeDevices(b, states)
	w.writeTokens(b, states)
	w.writeCursors(b)
	var gone, rebound []int64
	for _, d := range states {
		switch {
		case d.gone:
			gone = append(gone, d.Key)
		case d.rebound:
			rebound = append(rebound, d.Key)
		}
	}
	if len(rebound) > 0 { // A user's count is nobody else's business.
		b.add(resetBadges, rebound)
	}
	if len(gone) > 0 {
		b.add(deleteTokensOf, gone)
		b.add(deleteCursorsOf, gone)
		b.add(deleteBadgesOf, gone)
		b.add(deleteDevices, gone)
	}
	if b.Len() == 0 {
		return nil
	}
	return t.run(ctx, b)
}

func writeDevices(b *batch, states []*deviceState) {
	var made, moved, replaced deviceColumnsOf
	for _, d := range states {
		switch {
		case d.gone:
			continue
		case d.made:
			made.add(d)
			continue
		case d.moved:
			moved.add(d)
		}
		if d.replaced {
			replaced.add(d)
		}
	}
	if c := &made; len(c.keys) > 0 {
		b.add(insertDevices, c.keys, c.pushIDs, c.secrets, c.vendors, c.appTypes, c.regions, c.environments, c.platforms,
			c.users, c.epochs, c.gens, c.registered, c.seen, c.confirmed, c.lost, c.logins)
	}
	if c := &moved; len(c.keys) > 0 {
		b.add(moveDevices, c.keys, c.users, c.epochs, c.gens, c.seen, c.lost, c.logins)
	}
	if c := &replaced; len(c.keys) > 0 {
		b.add(replaceDevices, c.keys, c.secrets, c.vendors, c.appTypes, c.regions, c.environments, c.platforms, c.registered)
	}
}

// deviceColumnsOf are devices as columns.
type deviceColumnsOf struct {
	keys, epochs, gens, registered, seen, confirmed, logins []int64
	users                                                   []*int64
	pushIDs, vendors, regions, environments, platforms      []string
	appTypes                                                []int32
	secrets, lost                                           [][]byte
}

func (c *deviceColumnsOf) add(d *deviceState) {
	c.keys, c.epochs, c.gens = append(c.keys, d.Key), append(c.epochs, d.Epoch), append(c.gens, d.tokenGen)
	c.registered, c.seen = append(c.registered, millis(d.RegisteredAt)), append(c.seen, d.seen)
	c.users, c.pushIDs = append(c.users, d.user), append(c.pushIDs, d.PushID)
	c.vendors, c.appTypes = append(c.vendors, d.Selector.Vendor), append(c.appTypes, d.Selector.AppType)
	c.regions, c.environments = append(c.regions, d.Selector.Region), append(c.environments, d.Selector.Environment)
	c.platforms, c.secrets = append(c.platforms, d.Platform), append(c.secrets, d.SecretHash[:])
	c.confirmed, c.lost = append(c.confirmed, d.confirmed), append(c.lost, d.lost)
	c.logins = append(c.logins, d.login)
}

// writeTokens takes tokens from who lost them before it gives them to who has them now.
func (w *work) writeTokens(b *batch, states []*deviceState) {
	var lost deviceKinds
	var n struct {
		deviceKinds
		vendors, environments, values []string
		appTypes                      []int32
		hashes                        [][]byte
		gens, sets                    []int64
	}
	for _, d := range states {
		for _, kind := range slices.Sorted(maps.Keys(d.changedTokens)) {
			lost.add(d.Key, string(kind))
			token, ok := d.tokens[kind]
			if !ok || d.gone {
				continue
			}
			hash := sha256.Sum256([]byte(token.value))
			n.add(d.Key, string(kind))
			n.vendors, n.environments = append(n.vendors, d.Selector.Vendor), append(n.environments, d.Selector.Environment)
			n.appTypes, n.values = append(n.appTypes, d.Selector.AppType), append(n.values, token.value)
			n.hashes, n.gens, n.sets = append(n.hashes, hash[:]), append(n.gens, token.gen), append(n.sets, token.setAt)
		}
	}
	if len(lost.devices) > 0 {
		b.add(deleteTokens, lost.devices, lost.kinds)
	}
	if len(n.devices) > 0 {
		b.add(insertTokens, n.devices, n.kinds, n.vendors, n.appTypes, n.environments, n.hashes, n.values, n.gens, n.sets)
	}
	var renewed deviceKinds
	var times []int64
	for _, r := range w.renewed {
		renewed.add(r.device, string(r.kind))
		times = append(times, r.at)
	}
	if len(times) > 0 {
		b.add(renewTokens, renewed.devices, renewed.kinds, times)
	}
}

type deviceKinds struct {
	devices []int64
	kinds   []string
}

func (k *deviceKinds) add(device int64, kind string) {
	k.devices, k.kinds = append(k.devices, device), append(k.kinds, kind)
}

func (w *work) writeCursors(b *batch) {
	if len(w.cursors) == 0 {
		return
	}
	var devices, users []int64
	for _, c := range w.cursors {
		devices, users = append(devices, c.device), append(users, c.user)
	}
	b.add(openCursors, devices, users)
}
