package plugin

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/offlinepush/operator/dispatcher/wire"
)

// place is how far an import is. It holds for one file and one store.
type place struct {
	File   string    `json:"file"`
	Size   int64     `json:"size"`
	Time   time.Time `json:"time"`
	Format string    `json:"format"`
	AsOf   time.Time `json:"asOf"`
	Server string    `json:"server"`

	// Line is the last line that was imported.
	Line      int `json:"line"`
	Created   int `json:"created"`
	Updated   int `json:"updated"`
	Unchanged int `json:"unchanged"`
	Outdated  int `json:"outdated"`
	Refused   int `json:"refused"`
}

// place reads the place in the file, which is its begin when the state is of
// another file, another version of it, or another store.
func (o *importOptions) place(to *server, source *source) place {
	begin := place{
		File: o.input.file, Size: source.info.Size(), Time: source.info.ModTime().UTC(), Format: o.input.format,
		AsOf: source.asOf.UTC(), Server: to.url,
	}
	encoded, err := os.ReadFile(o.state)
	if err != nil {
		return begin
	}
	var kept place
	if json.Unmarshal(encoded, &kept) == nil && kept.input() == begin {
		return kept
	}
	to.say("%s is of another import: starting at the first line", o.state)
	return begin
}

// input is what the place is in.
func (p *place) input() place {
	return place{File: p.File, Size: p.Size, Time: p.Time, Format: p.Format, AsOf: p.AsOf, Server: p.Server}
}

func (p *place) count(answer wire.ImportedBindings) {
	p.Created += answer.Created
	p.Updated += answer.Updated
	p.Unchanged += answer.Unchanged
	p.Outdated += answer.Outdated
	p.Refused += len(answer.Refused)
}

// save replaces the state at once, so that an interruption leaves the old or the new one.
func (p *place) save(path string) error {
	encoded, err := json.Marshal(p)
	if err == nil {
		err = os.WriteFile(path+".new", encoded, 0o600)
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return fmt.Errorf("--state: %w", err)
	}
	return nil
}
