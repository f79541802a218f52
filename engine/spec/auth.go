package spec

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// authKinds says which keys each type of auth has; those in need are required.
var authKinds = []struct {
	name string
	need []string
	may  []string
}{
	{"none", nil, nil},
	{"bearer", []string{"token"}, nil},
	{"basic", []string{"username", "password"}, nil},
	{"api_key", []string{"name", "value"}, []string{"in", "prefix"}},
	{"oauth2_client_credentials", []string{"token_url", "client_id", "client_secret"}, []string{"scopes", "audience", "params", "style"}},
	{"oauth2_refresh_token", []string{"token_url", "client_id", "refresh_token"}, []string{"client_secret", "scopes", "params", "style"}},
	{"oauth2_password", []string{"token_url", "username", "password"}, []string{"client_id", "client_secret", "scopes", "audience", "params", "style"}},
	{"jwt_bearer", []string{"token_url", "issuer", "private_key"}, []string{"subject", "audience", "key_id", "algorithm", "claims", "lifetime", "scopes", "params", "client_id", "client_secret", "style"}},
	{"login", []string{"request", "token", "send"}, []string{"expires_in"}},
	{"aws_sigv4", []string{"region", "service", "access_key", "secret_key"}, []string{"session_token"}},
	{"hook", nil, nil},
}

// AuthTypes lists the types of auth, in the order of the format.
func AuthTypes() []string {
	names := make([]string, len(authKinds))
	for i, k := range authKinds {
		names[i] = k.name
	}
	return names
}

// authText is the key of a text that is fixed when a run begins.
func authText(name, doc string, at func(*Auth) **Text) key[Auth] {
	return field(name, doc, in(ScopeConfig, templateText), at)
}

// authTable holds the keys of every type; authKinds says which go together.
var authTable = table[Auth]{
	name: "auth",
	what: "`auth`",
	like: `{type: bearer, token: "${config.token}"}`,
	keys: []key[Auth]{
		field("type", "the kind of authentication", oneOfAlso(func(o *Options) []string { return o.AuthTypes }, AuthTypes()...), func(a *Auth) *string { return &a.Type }).need(),
		field("token", "the token; with login, where it stands in the answer", authToken, func(a *Auth) *Auth { return a }),
		authText("username", "name of the user", func(a *Auth) **Text { return &a.Username }),
		authText("password", "password of the user", func(a *Auth) **Text { return &a.Password }),
		field("in", "where the key goes", oneOf("header", "query", "cookie"), func(a *Auth) *string { return &a.In }),
		authText("name", "name of the header, parameter or cookie", func(a *Auth) **Text { return &a.Name }),
		authText("value", "the key", func(a *Auth) **Text { return &a.Value }),
		authText("prefix", "what stands before the key", func(a *Auth) **Text { return &a.Prefix }),
		authText("token_url", "URL that gives tokens, absolute or below base_url", func(a *Auth) **Text { return &a.TokenURL }),
		authText("client_id", "name of the client", func(a *Auth) **Text { return &a.ClientID }),
		authText("client_secret", "secret of the client", func(a *Auth) **Text { return &a.ClientSecret }),
		authText("refresh_token", "the refresh token to begin with", func(a *Auth) **Text { return &a.RefreshToken }),
		field("scopes", "scopes to ask for", in(ScopeConfig, oneOrMore(templateText)), func(a *Auth) *[]*Text { return &a.Scopes }),
		authText("audience", "for whom the token is", func(a *Auth) **Text { return &a.Audience }),
		field("params", "further parameters of the token request", in(ScopeConfig, params), func(a *Auth) *[]Field { return &a.Params }),
		field("style", "how the client names itself", oneOf("auto", "header", "body"), func(a *Auth) *string { return &a.Style }),
		authText("issuer", "who signs the assertion (iss)", func(a *Auth) **Text { return &a.Issuer }),
		authText("subject", "for whom it is signed (sub)", func(a *Auth) **Text { return &a.Subject }),
		authText("private_key", "key that signs it: PEM, or the shared secret of HS256", func(a *Auth) **Text { return &a.PrivateKey }),
		authText("key_id", "name of the key (kid)", func(a *Auth) **Text { return &a.KeyID }),
		field("algorithm", "how it is signed", oneOf("RS256", "ES256", "HS256"), func(a *Auth) *string { return &a.Algorithm }),
		field("claims", "further claims", in(ScopeConfig, values), func(a *Auth) *[]Field { return &a.Claims }),
		field("lifetime", "how long the assertion holds", durationFrom(time.Second), func(a *Auth) *time.Duration { return &a.Lifetime }),
		field("request", "the request that logs in", in(ScopeConfig, optional(requestTable.shape())), func(a *Auth) **Request { return &a.Request }),
		field("expires_in", "where the answer says for how many seconds the token holds", pick, func(a *Auth) **Pick { return &a.ExpiresIn }),
		field("send", "where the token goes", in(ScopeToken, send), func(a *Auth) **Send { return &a.Send }),
		authText("region", "region of the service", func(a *Auth) **Text { return &a.Region }),
		authText("service", "name of the service", func(a *Auth) **Text { return &a.Service }),
		authText("access_key", "ID of the access key", func(a *Auth) **Text { return &a.AccessKey }),
		authText("secret_key", "the secret access key", func(a *Auth) **Text { return &a.SecretKey }),
		authText("session_token", "token of temporary keys", func(a *Auth) **Text { return &a.SessionToken }),
	},
	check: checkAuth,
}

// auth is read whole: a stream's does not mix with the connector's.
var auth = shape[Auth]{
	schema: func(d *definitions) schema { return d.define("auth", func() schema { return authSchema(d) }) },
	read: func(r reader, n *yaml.Node, v *Auth) given {
		*v = Auth{Pos: r.src.pos(n)}
		r.over = false
		return authTable.read(r, n, v)
	},
}

// authToken reads `token`, which is a text for bearer and a reference for login.
var authToken = shape[Auth]{
	schema: func(d *definitions) schema { return schema{"anyOf": []schema{templateText.schema(d), pick.schema(d)}} },
	read: func(r reader, n *yaml.Node, v *Auth) given {
		if v.Type == "login" {
			return pick.read(r, n, &v.LoginRef)
		}
		r.scope = ScopeConfig
		return templateText.read(r, n, &v.Token)
	},
}

func checkAuth(r reader, m *mapping, a *Auth) {
	if !m.known("type") {
		return
	}
	i := slices.Index(AuthTypes(), a.Type)
	if i < 0 {
		return // one of Options.AuthTypes takes the keys that it likes
	}
	kind := authKinds[i]
	for _, name := range kind.need {
		if !m.any(name) {
			r.fail(m.node, fmt.Sprintf("auth type `%s` needs `%s`", a.Type, name), m.docs[name])
		}
	}
	allowed := slices.Concat(kind.need, kind.may)
	for name, e := range m.keys {
		if m.docs[name] != "" && name != "type" && !slices.Contains(allowed, name) {
			hint := "it has no keys of its own"
			if len(allowed) > 0 {
				hint = "it has " + strings.Join(allowed, ", ")
			}
			r.fail(e.key, fmt.Sprintf("auth type `%s` has no `%s`", a.Type, name), hint)
		}
	}
	switch a.Type {
	case "api_key":
		if !m.any("in") {
			a.In = "header"
		}
	case "jwt_bearer":
		if !m.any("algorithm") {
			a.Algorithm = "RS256"
		}
		if !m.any("lifetime") {
			a.Lifetime = time.Hour
		}
	}
	if slices.Contains(allowed, "style") && !m.any("style") {
		a.Style = "auto"
	}
	if a.Type == "login" && a.Send != nil {
		checkCarries(r, a.Send, "token", "the token")
		if a.Send.One != nil && a.Send.One.Kind == TargetURL {
			r.fail(m.at("send"), "a login's token goes to query.<name>, header.<Name> or body.<path>, not to `url`", "")
		}
	}
}

// checkAuthHook reports auth of type hook without a hook file.
func checkAuthHook(r reader, http *mapping, a *Auth) {
	if m := http.sub("auth"); m != nil && a != nil && a.Type == "hook" && !r.hook {
		r.fail(m.at("type"), "auth type `hook` needs a hook file", "put a hook.js with a function `sign` beside the connector")
	}
}
