package config

// Scope says what tells the devices of one vendor apart, besides the app type.
type Scope struct {
	// Regions are those that a device can be of, the default first; empty where the vendor has none.
	Regions []string
	// Environments are those that a token can be of, the default first; empty where the vendor has none.
	Environments []string
	// VoIP says that a device can have a token for calls beside the ordinary one.
	VoIP bool
}

// ScopeOf is the scope of a vendor. This is the one table of regions and environments: devices register by it,
// and the rows' members are checked by it.
func ScopeOf(vendor string) Scope {
	switch vendor {
	case "Xiaomi":
		return Scope{Regions: []string{"China", "Russia", "India", "Europe", "Global"}}
	case "OPPO":
		return Scope{Regions: []string{"China", "Global"}}
	case "Meizu":
		return Scope{Regions: []string{"China", "India"}}
	case "APNs":
		return Scope{Environments: []string{"Production", "Sandbox"}, VoIP: true}
	}
	return Scope{}
}

// Place is the region and the environment of the devices that the row serves; empty where its vendor has none.
func (c Channel) Place() (region, environment string) {
	switch {
	case c.Xiaomi != nil:
		return c.Xiaomi.Region, ""
	case c.OPPO != nil:
		return c.OPPO.Region, ""
	case c.Meizu != nil:
		return c.Meizu.Region, ""
	case c.APNs != nil:
		return "", c.APNs.Environment
	}
	return "", ""
}
