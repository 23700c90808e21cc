// Package dashboard makes the Grafana dashboards of config/grafana. Its test
// keeps the files and checks every expression:
//
//	go -C hack/observability test ./dashboard -args -update
package dashboard

import (
	"encoding/json"
	"fmt"
)

// Dashboard is what Grafana imports. Fields that are not here have Grafana's defaults.
type Dashboard struct {
	UID           string   `json:"uid"`
	Title         string   `json:"title"`
	Description   string   `json:"description"`
	Tags          []string `json:"tags"`
	SchemaVersion int      `json:"schemaVersion"`
	Version       int      `json:"version"`
	Editable      bool     `json:"editable"`
	Refresh       string   `json:"refresh"`
	Time          Span     `json:"time"`
	Templating    struct {
		List []Variable `json:"list"`
	} `json:"templating"`
	Panels []Panel `json:"panels"`
}

// Span is the time that a dashboard shows at first.
type Span struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// Source is a data source.
type Source struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

// Variable is something to choose at the top of a dashboard.
type Variable struct {
	Name       string  `json:"name"`
	Label      string  `json:"label"`
	Type       string  `json:"type"`
	Query      any     `json:"query"`
	Datasource *Source `json:"datasource,omitempty"`
	Refresh    int     `json:"refresh,omitempty"`
	Sort       int     `json:"sort,omitempty"`
	Multi      bool    `json:"multi"`
	IncludeAll bool    `json:"includeAll"`
	AllValue   string  `json:"allValue,omitempty"`
	Current    any     `json:"current"`
}

// Panel is a picture, or the line above several.
type Panel struct {
	ID          int          `json:"id"`
	Type        string       `json:"type"`
	Title       string       `json:"title"`
	Description string       `json:"description,omitempty"`
	Datasource  *Source      `json:"datasource,omitempty"`
	GridPos     Place        `json:"gridPos"`
	Targets     []Target     `json:"targets,omitempty"`
	FieldConfig *FieldConfig `json:"fieldConfig,omitempty"`
}

// Place is where a panel is, on a grid of 24 columns.
type Place struct {
	H int `json:"h"`
	W int `json:"w"`
	X int `json:"x"`
	Y int `json:"y"`
}

// Target is one expression of a panel.
type Target struct {
	RefID        string `json:"refId"`
	Expr         string `json:"expr"`
	LegendFormat string `json:"legendFormat"`
	Instant      bool   `json:"instant,omitempty"`
}

// FieldConfig says how numbers are written.
type FieldConfig struct {
	Defaults struct {
		Unit       string      `json:"unit,omitempty"`
		Min        *float64    `json:"min,omitempty"`
		Thresholds *Thresholds `json:"thresholds,omitempty"`
	} `json:"defaults"`
}

// Thresholds colour numbers.
type Thresholds struct {
	Mode  string `json:"mode"`
	Steps []Step `json:"steps"`
}

// Step is the colour from a value on; the first one has none.
type Step struct {
	Color string   `json:"color"`
	Value *float64 `json:"value"`
}

// query is an expression and the legend of its series.
type query struct{ expr, legend string }

// picture is a panel before it has its place.
type picture struct {
	kind, title, says, unit string
	queries                 []query
	// red is the value from which a stat is red; belowRed turns that round.
	red      *float64
	belowRed bool
}

// section is a line with pictures below it.
type section struct {
	title    string
	width    int // of each picture
	height   int
	pictures []picture
}

func source() *Source { return &Source{Type: "prometheus", UID: "${datasource}"} }

// lay makes a dashboard of sections, from left to right and from top to bottom.
func lay(uid, title, description string, variables []Variable, sections []section) Dashboard {
	d := Dashboard{
		UID: uid, Title: title, Description: description, Tags: []string{"offlinepush"}, SchemaVersion: 41, Version: 1,
		Editable: true, Refresh: "30s", Time: Span{From: "now-6h", To: "now"},
	}
	d.Templating.List = append([]Variable{{
		Name: "datasource", Label: "Data source", Type: "datasource", Query: "prometheus", Current: struct{}{},
	}}, variables...)
	y := 0
	for _, s := range sections {
		d.Panels = append(d.Panels, Panel{ID: len(d.Panels) + 1, Type: "row", Title: s.title, GridPos: Place{H: 1, W: 24, Y: y}})
		y++
		x := 0
		for _, p := range s.pictures {
			if x+s.width > 24 {
				x, y = 0, y+s.height
			}
			d.Panels = append(d.Panels, p.panel(len(d.Panels)+1, Place{H: s.height, W: s.width, X: x, Y: y}))
			x += s.width
		}
		y += s.height
	}
	return d
}

func (p picture) panel(id int, at Place) Panel {
	out := Panel{ID: id, Type: p.kind, Title: p.title, Description: p.says, Datasource: source(), GridPos: at, FieldConfig: &FieldConfig{}}
	out.FieldConfig.Defaults.Unit = p.unit
	if p.kind == timeseries {
		out.FieldConfig.Defaults.Min = new(float64)
	}
	if p.red != nil {
		steps := []Step{{Color: "green"}, {Color: "red", Value: p.red}}
		if p.belowRed {
			steps = []Step{{Color: "red"}, {Color: "green", Value: p.red}}
		}
		out.FieldConfig.Defaults.Thresholds = &Thresholds{Mode: "absolute", Steps: steps}
	}
	for i, q := range p.queries {
		out.Targets = append(out.Targets, Target{
			RefID: string(rune('A' + i)), Expr: q.expr, LegendFormat: q.legend, Instant: p.kind == stat || p.kind == table,
		})
	}
	return out
}

// choice is a variable with the values of a label.
func choice(name, label, metric string) Variable {
	return Variable{
		Name: name, Label: label, Type: "query", Datasource: source(), Refresh: 2, Sort: 1, Multi: true, IncludeAll: true, AllValue: ".*",
		Query:   map[string]string{"query": fmt.Sprintf("label_values(%s, %s)", metric, name), "refId": name},
		Current: map[string]any{"text": "All", "value": "$__all"},
	}
}

// Encode writes a dashboard as a file.
func Encode(d Dashboard) ([]byte, error) {
	b, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encoding the dashboard %s: %w", d.UID, err)
	}
	return append(b, '\n'), nil
}
