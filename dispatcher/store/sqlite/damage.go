package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/offlinepush/operator/dispatcher/store"
)

// damage is what was first found to be wrong with the file. From then on nothing is read from it or
// written to it: what is wrong in one place may be wrong in others that do not show it.
type damage struct{ first atomic.Pointer[error] }

// note keeps the first finding and gives it as store.ErrDamaged.
func (d *damage) note(err error) error {
	err = damaged(err)
	d.first.CompareAndSwap(nil, &err)
	return d.found()
}

// found is nil as long as nothing is known to be wrong.
func (d *damage) found() error {
	if err := d.first.Load(); err != nil {
		return *err
	}
	return nil
}

func damaged(finding error) error { return fmt.Errorf("%w: %w", store.ErrDamaged, finding) }

const (
	// checkAtStart bounds the files of which every index is compared with its table at the start, in
	// bytes; it takes some seconds. Of larger ones only the structure is checked.
	checkAtStart = 256 << 20
	// checkAll is for what may take its time.
	checkAll = 1 << 62
)

// check reads the whole database and gives the first findings as store.ErrDamaged.
func check(ctx context.Context, db *sql.DB, whole int64) error {
	var size int64
	if err := db.QueryRowContext(ctx, `SELECT page_count * page_size FROM pragma_page_count, pragma_page_size`).Scan(&size); err != nil {
		return err
	}
	pragma := `PRAGMA quick_check(3)`
	if size <= whole {
		pragma = `PRAGMA integrity_check(3)`
	}
	rows, err := db.QueryContext(ctx, pragma)
	if err != nil {
		return err
	}
	var findings []string
	if err := each(rows, func(rows *sql.Rows) error {
		var line string
		err := rows.Scan(&line)
		findings = append(findings, line)
		return err
	}); err != nil {
		return err
	}
	if said := strings.Join(findings, "; "); said != "ok" {
		return damaged(errors.New(said))
	}
	return nil
}
