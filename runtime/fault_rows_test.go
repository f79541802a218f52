package runtime_test

import "time"

const faultIntro = `# What faults do to a walk

What becomes of a walk when the API misbehaves: the verdict, and how many of the records that were
there all the time were delivered. Every cell is a run over real sockets against the demo API
(docs/demo.md), 23 records in pages of 5; a test runs them all and writes this page
(` + "`go test ./runtime -run TestFaultTable -update`" + `).

- **by itself**: the connector declares only what the pattern needs. ⚠ marks records that are missing
  from an end that nothing in the answers contradicts: one witness saw it (*assumed*), or an empty page
  without a token (*confirmed*, both say the same). It is never *proved*.
- **total and flag declared**: ` + "`total`, and `more` or `done`" + ` where the API sends them. No ⚠ here.
- **with a recovery**: and what the fault can be survived by: a ` + "`fallback`" + `, the class of the refusal
  in ` + "`responses`, `token.ttl`, `kind: estimate`" + `, or a flag that is left out because it lies.
  Every set here is exact: each record once.

A – says why the fault cannot strike there. In no cell is a record delivered twice.
`

// Why a fault cannot strike a pattern.
const (
	onlyOnePage  = "there is one page"
	clientCounts = "the client counts; the API gives no token"
	fromRecord   = "the position is a field of the last record"
	chunkList    = "the chunks are listed by the job"
)

// tokensOnly spares patterns whose position is not handed out by the API.
func tokensOnly(p *faultPattern) string {
	switch p.name {
	case "none":
		return onlyOnePage
	case "offset", "page":
		return clientCounts
	case "search_after", "timestamp", "point in time":
		return fromRecord
	case "export job":
		return chunkList
	}
	return ""
}

// expiring spares patterns whose position the API cannot refuse.
func expiring(p *faultPattern) string {
	if p.name == "link in the body" {
		return "the link holds an offset, which cannot expire"
	}
	return tokensOnly(p)
}

func pagesOnly(p *faultPattern) string {
	switch p.name {
	case "none":
		return onlyOnePage
	case "export job":
		return chunkList
	}
	return ""
}

func flagOnly(p *faultPattern) string {
	if p.flag == "" {
		return "the API sends no flag"
	}
	return ""
}

func totalOnly(p *faultPattern) string {
	if p.total == "" {
		return "the API sends no total"
	}
	return ""
}

// notDeclared empties the first column of faults in a witness that is not declared there.
func notDeclared(what string) func(p *faultPattern, c int) string {
	return func(p *faultPattern, c int) string {
		if c == faultAlone && !(what == "flag" && p.name == "") {
			return "no " + what + " is declared"
		}
		return ""
	}
}

func estimate(p *faultPattern, c *faultCell) {
	c.total = "{from: " + p.total + ", kind: estimate}"
}

func noFlag(_ *faultPattern, c *faultCell) { c.flag = "" }

const (
	ruleGone    = "{status: 410, is: token_expired}"
	ruleHidden  = `{status: 200, body_matches: 'key no longer valid', is: token_expired}`
	ruleSession = "{status: 404, body_matches: search_context_missing, is: session_expired}"
	ruleJob     = "{status: 404, is: session_expired}"
)

// refusals classifies what the API answers to a dead token or session.
func refusals(p *faultPattern, c *faultCell) {
	switch p.name {
	case "point in time":
		c.rules = ruleSession
	case "export job":
		c.rules = ruleJob
	default:
		c.rules = ruleGone
	}
}

func aged(p *faultPattern, c *faultCell) {
	refusals(p, c)
	if p.session == "" && p.token {
		c.token = "{ttl: 110s}"
	}
}

// sessionsToo spares patterns with neither an expiring token nor a session.
func sessionsToo(p *faultPattern) string {
	if p.name == "point in time" {
		return ""
	}
	return expiring(p)
}

func faultRows() []faultRow {
	return []faultRow{
		{name: "The token is missing once", params: "fault=lost@3", spares: tokensOnly,
			about: "The third page says nothing of a next one, and says it right when it is asked again."},
		{name: "The token is missing for good", params: "fault=lost@3-*", spares: tokensOnly,
			about: "From the third page on no page has a token, however often it is asked for."},
		{name: "The token is null", params: "fault=lost:null@3*", spares: tokensOnly, about: "The third page's token is `null`, each time."},
		{name: "The token is \"\"", params: "fault=lost:empty@3*", spares: tokensOnly, about: "The third page's token is the empty text, each time."},
		{name: "The token is \"0\"", params: "fault=lost:zero@3*", spares: zeroToken,
			about: "The third page's token is `\"0\"`, which the API refuses when it is sent. `end_values` makes it mean \"no token\".", adapt: zeroEnds},
		{name: "A → A", params: "fault=cycle@3", spares: tokensOnly, about: "The third page's token leads to the third page again."},
		{name: "A → B → A", params: "fault=cycle:2@4", spares: tokensOnly, about: "The fourth page's token leads back to the third."},
		{name: "The same page again", params: "fault=same@3", spares: pagesOnly,
			about: "The third request is answered with the second page's records once more, and the third page's own token."},
		{name: "The last page again, beyond the end", params: "fault=clamp", spares: beyondEnd,
			about: "Positions beyond the end are answered with the last page, for ever."},
		{name: "Empty pages in the middle", params: "fault=empty@3", spares: pagesOnly,
			about: "The third page is empty although more is to come; its token leads on."},
		{name: "The flag says end in the middle", params: "fault=$lie:lie@3", spares: flagOnly,
			about: "The flag of the third page says that it is the last.", column: notDeclared("flag"), adapt: noFlag},
		{name: "The flag says more at the end", params: "fault=$lie:lie@last", spares: flagOnly, lies: true,
			about: "The flag of the last page says that more is to come.", column: notDeclared("flag"), adapt: noFlag},
		{name: "The total is too high", params: "fault=total:high", spares: totalOnly, lies: true,
			about: "The API states 32 records and has 23. Nobody can tell that from 9 records lost, so it is never called complete until the total is declared an estimate.", column: notDeclared("total"), adapt: estimate},
		{name: "The total is too low", params: "fault=total:low", spares: totalOnly, lies: true,
			about: "The API states 20 records and has 23.", column: notDeclared("total"), adapt: estimate},
		{name: "The total shrinks", params: "fault=total:shrinking", spares: totalOnly, lies: true,
			about: "The total counts what is left: 23, 18, 13, 8, 3.", column: notDeclared("total"), adapt: estimate},
		{name: "The total is an estimate", params: "fault=total:estimate", spares: totalOnly, lies: true,
			about: "The total is rounded up to 1000.", column: notDeclared("total"), adapt: estimate},
		{name: "The token expires by time", params: "ttl=2m", spares: sessionsToo, after: 4, pause: 5 * time.Minute,
			about: "Tokens and sessions live for two minutes; the consumer takes five over the third page.", adapt: aged},
		{name: "The token expires by backoff", params: "ttl=2m&fault=429:300@4", spares: sessionsToo,
			about: "Tokens and sessions live for two minutes; the fourth request is told to come back in five. With `token.ttl` the token is not sent again after that wait.", adapt: aged},
		{name: "The token expires between two runs", params: "ttl=2m", spares: pagesOnly, after: 3, pause: time.Hour, stop: true,
			about: "The first run ends after three pages; the second begins an hour later.", adapt: aged},
		{name: "The token is refused, and the refusal says 200", params: "fault=expire:200@3", spares: hiddenExpiry,
			about: "The token is refused with status 200, no records and the truth in `errors[0]`.", adapt: hidden},
		{name: "410 with a new token", params: "fault=expire:410@3&renew=1", spares: renewed,
			about: "The token is refused with 410, and the refusal carries a fresh one.", adapt: fresh},
		{name: "The session is lost", params: "fault=session_lost@3", spares: sessionOnly,
			about: "The server forgets the point in time, or the job, before the third page.", adapt: refusals,
			vary: func(p *faultPattern, row *faultRow) {
				if p.name == "export job" { // behind two chunks: opened, polled twice
					row.params, row.after, row.pause = "", 5, 2*time.Hour
				}
			}},
		{name: "The server caps the page size", params: "fault=max:3", spares: pagesOnly, about: "Five records are asked for, three come."},
		{name: "Records are inserted at the head", params: "$head&fault=insert:2@3", spares: pagesOnly,
			about: "The listing is newest first; two records appear before the third page is read, and push the others back by two."},
	}
}

func zeroToken(p *faultPattern) string {
	switch p.name {
	case "link in the body", "Link header":
		return "\"0\" is a relative URL, of another page than any other"
	}
	return tokensOnly(p)
}

func zeroEnds(p *faultPattern, c *faultCell) {
	if p.hook == "" {
		c.fallback += `, end_values: [null, "", "0"]`
		return
	}
	c.rules = `{status: 400, is: token_expired}`
}

func beyondEnd(p *faultPattern) string {
	switch p.name {
	case "offset", "page":
		return ""
	case "none":
		return onlyOnePage
	case "export job":
		return chunkList
	case "search_after", "timestamp", "point in time":
		return "a position is a record's, and none lies beyond the end"
	}
	return "no token leads beyond the end"
}

func hiddenExpiry(p *faultPattern) string {
	if p.name == "TAXII" {
		return "a TAXII server refuses with an error status"
	}
	return expiring(p)
}

func hidden(_ *faultPattern, c *faultCell) { c.rules = ruleHidden }

func renewed(p *faultPattern) string {
	switch p.name {
	case "TAXII":
		return "TAXII's error answers carry no token"
	case "Link header":
		return "the fresh token is no URL"
	}
	return expiring(p)
}

func fresh(_ *faultPattern, c *faultCell) {
	c.rules, c.fallback = ruleGone, "{token: body.metadata.continue}"
}

func sessionOnly(p *faultPattern) string {
	if p.session == "" {
		return "there is no session"
	}
	return ""
}
