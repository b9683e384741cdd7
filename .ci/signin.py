#!/usr/bin/python3
"""Signs in as a desktop client, a phone and web applications do, by what Microsoft documents.

usage: signin.py ROOTS  (with the name servers of the lab)

Debian's python3-requests and python3-requests-ntlm speak HTTP, TLS and NTLM. Nothing here knows of the project: the
documents are [MS-OCDISCWS], [MS-OCAUTHWS], and the pages of the UCWA SDK.
"""

import base64
import datetime
import re
import sys
import threading
import time
import urllib.parse
import uuid
import xml.etree.ElementTree as ElementTree

import requests
from requests_ntlm import HttpNtlmAuth

DOMAIN = "contoso.example"
USERS = [
    ("user1@contoso.example", r"CONTOSO\user1", "lab-only-Harbour-1"),
    ("user2@contoso.example", r"CONTOSO\user2", "lab-only-Lantern-2"),
]
SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
TRUST = "{http://docs.oasis-open.org/ws-sx/ws-trust/200512}"
UTILITY = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd}"
SAML = "{urn:oasis:names:tc:SAML:1.0:assertion}"
UCWA = "{http://schemas.microsoft.com/rtc/2012/03/ucwa}"
WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
TYPE_SAML = "http://docs.oasis-open.org/wss/oasis-wss-saml-token-profile-1.1#SAMLV1.1"
TYPE_CWT = "urn:component:Microsoft.Rtc.WebAuthentication.2010:user-cwt-1"

failed = False


def check(name, got, want=True):
    """Prints one line; want may be a value or a compiled pattern."""
    global failed
    right = want.fullmatch(str(got)) is not None if isinstance(want, re.Pattern) else got == want
    failed = failed or not right
    print(f"ok    {name}" if right else f"FAIL  {name}: wanted {want!r}, got {got!r}"[:400], flush=True)


class Client(requests.Session):
    """One client with connections of its own. It follows no redirects, for the services do not redirect."""

    def __init__(self):
        super().__init__()
        self.verify = sys.argv[1]
        self.trust_env = False  # no proxies, no other roots

    def request(self, *args, **kw):
        return super().request(*args, **{"timeout": 20, **kw, "allow_redirects": False})


def media(r):
    return r.headers.get("Content-Type", "").partition(";")[0]


def rst(token_type, address, sip):
    """A RequestSecurityToken as desktop clients and phones send it."""
    return f"""<?xml version="1.0"?>
<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns:auth="http://schemas.xmlsoap.org/ws/2006/12/authorization"
 xmlns:wsa="http://www.w3.org/2005/08/addressing" xmlns:wsp="http://schemas.xmlsoap.org/ws/2004/09/policy"
 xmlns:wst="http://docs.oasis-open.org/ws-sx/ws-trust/200512"><soap:Body>
 <wst:RequestSecurityToken Context="{uuid.uuid4()}">
  <wst:TokenType>{token_type}</wst:TokenType>
  <wst:RequestType>http://schemas.xmlsoap.org/ws/2005/02/trust/Issue</wst:RequestType>
  <wsp:AppliesTo><wsa:EndpointReference><wsa:Address>{address}</wsa:Address></wsa:EndpointReference></wsp:AppliesTo>
  <wst:Claims Dialect="urn:component:Microsoft.Rtc.WebAuthentication.2010:authclaims">
   <auth:ClaimType Uri="http://schemas.xmlsoap.org/ws/2005/05/identity/claims/uri" Optional="false"><auth:Value>sip:{sip}</auth:Value></auth:ClaimType>
  </wst:Claims>
  <wst:Entropy><wst:BinarySecret>{base64.b64encode(uuid.uuid4().bytes * 2).decode()}</wst:BinarySecret></wst:Entropy>
  <wst:KeyType>http://docs.oasis-open.org/ws-sx/ws-trust/200512/SymmetricKey</wst:KeyType>
 </wst:RequestSecurityToken></soap:Body></soap:Envelope>"""


def ticket(s, service, login, password, token_type, address, sip):
    """The answer to a RequestSecurityToken, as it came and parsed."""
    r = s.post(service, data=rst(token_type, address, sip), auth=HttpNtlmAuth(login, password), headers={
        "Content-Type": "text/xml; charset=utf-8",
        "SOAPAction": '"http://docs.oasis-open.org/ws-sx/ws-trust/200512/RST/Issue"'})
    check("a ticket over NTLM is 200 text/xml", (r.status_code, media(r)), (200, "text/xml"))
    answer = ElementTree.fromstring(r.content).find(
        f"{SOAP}Body/{TRUST}RequestSecurityTokenResponseCollection/{TRUST}RequestSecurityTokenResponse")
    check("and says its type", answer.findtext(TRUST + "TokenType"), token_type)
    life = [datetime.datetime.fromisoformat(answer.findtext(f"{TRUST}Lifetime/{UTILITY}{end}").replace("Z", "+00:00"))
            for end in ("Created", "Expires")]
    check("and lasts about eight hours", 7 * 3600 < (life[1] - life[0]).total_seconds() <= 8 * 3600)
    check("and has the server's part of the key", len(base64.b64decode(answer.findtext(f"{TRUST}Entropy/{TRUST}BinarySecret"))) >= 16)
    return r.text, answer


def desktop():
    """Legacy XML: discovery, 401, metadata, a SAML ticket, the user document ([MS-OCDISCWS] 3.1.5, [MS-OCAUTHWS] 1.5)."""
    sip, login, password = USERS[0]
    s = Client()
    s.headers["Accept"] = "application/vnd.microsoft.rtc.autodiscover+xml;v=1"
    r = s.get(f"http://lyncdiscover.{DOMAIN}/", params={"sipuri": sip})
    links = ElementTree.fromstring(r.content).findall("Root/Link")
    check("HTTP leads to HTTPS by a document", (r.status_code, [l.get("token") for l in links]), (200, ["Redirect"]))
    r = s.get(links[0].get("href"))
    root = ElementTree.fromstring(r.content)
    tokens = {l.get("token"): l.get("href") for l in root.findall("Root/Link")}
    check("the root is external", (root.tag, root.get("AccessLocation")), ("AutodiscoverResponse", "External"))
    check("the root's tokens", sorted(tokens), ["Domain", "OAuth", "User"])
    r = s.get(tokens["User"])
    service = r.headers["X-MS-WebTicketURL"]
    check("the user document wants a ticket", r.status_code, 401)
    check("and offers no other way in", r.headers.get("WWW-Authenticate"), None)
    r = s.get(service + "/mex")
    ports = {p.get("name"): p[0].get("location") for p in ElementTree.fromstring(r.content).findall(f"{WSDL}service/{WSDL}port")}
    check("metadata names the Windows port", ports.get("WebTicketServiceWinNegotiate"), service)
    r = s.post(service, data="")
    check("the Windows port offers both schemes", sorted(r.raw.headers.getlist("WWW-Authenticate")), ["NTLM", "Negotiate"])
    check("and says who answers", r.headers["X-MS-Server-Fqdn"], re.compile(r"fe\d\.contoso\.example"))
    raw, answer = ticket(s, service, login, password, TYPE_SAML, tokens["User"], sip)
    assertion = answer.find(f"{TRUST}RequestedSecurityToken/{SAML}Assertion")
    check("the assertion is SAML 1.1", (assertion.get("MajorVersion"), assertion.get("MinorVersion")), ("1", "1"))
    check("the assertion is about the user", assertion.findtext(f".//{SAML}NameIdentifier"), "sip:" + sip)
    text = re.search("<saml:Assertion.*</saml:Assertion>", raw, re.S).group(0)  # clients take it as it stands
    r = s.get(tokens["User"], headers={"X-MS-WebTicket": "opaque=" + base64.b64encode(text.encode()).decode()})
    user = ElementTree.fromstring(r.content).find("User")
    tokens = {l.get("token"): l.get("href") for l in user.findall("Link")}
    check("the user document has SIP for clients", (user.find("SipClientExternalAccess").get("fqdn"), user.find("SipClientExternalAccess").get("port")),
          ("sip.contoso.example", "443"))
    check("the user document has applications", urllib.parse.urlsplit(tokens["Ucwa"]).path, "/ucwa/v1/applications")
    check("phones get one host inside and outside", urllib.parse.urlsplit(tokens["Ucwa"]).hostname, urllib.parse.urlsplit(tokens["External/Ucwa"]).hostname)
    r = s.get(tokens["Self"], headers={"X-MS-WebTicket": "opaque=" + base64.b64encode(b"<x/>").decode()})
    check("another's ticket is worth nothing", (r.status_code, "X-MS-WebTicketURL" in r.headers), (401, True))
    return service, tokens["Ucwa"]


def phone(service, applications):
    """A compact ticket and UCWA in XML (UCWA SDK, "applications")."""
    sip, login, password = USERS[0]
    s = Client()
    _, answer = ticket(s, service, login, password, TYPE_CWT, applications, sip)
    text = "".join(answer.find(TRUST + "RequestedSecurityToken").itertext()).strip()
    check("the ticket is compact", text, re.compile("cwt=AAEB[A-Za-z0-9+/=]+"))
    kind = "application/vnd.microsoft.com.ucwa+xml"
    s.headers.update({"Accept": kind, "Content-Type": kind, "X-MS-Namespace": "internal"})
    body = '<input xmlns="http://schemas.microsoft.com/rtc/2012/03/ucwa">' + "".join(
        f'<property name="{n}">{v}</property>' for n, v in
        [("culture", "en-us"), ("endpointId", uuid.uuid4()), ("userAgent", "iPhoneLync"), ("type", "Phone")]) + "</input>"
    check("applications want a ticket", s.post(applications, data=body).status_code, 401)
    s.headers["X-MS-WebTicket"] = text
    r = s.post(applications, data=body)
    app = ElementTree.fromstring(r.content)
    check("an application is 201 in XML", (r.status_code, media(r), app.tag, app.get("rel")), (201, kind, UCWA + "resource", "application"))
    check("its address has no host", app.get("href"), re.compile(r"/ucwa/v1/applications/\d+"))
    parts = {e.get("rel"): e for e in app.findall(UCWA + "resource")}
    check("what is in it", {"me", "people", "onlineMeetings", "communication"} <= set(parts))
    me = {p.get("name"): p.text for p in parts["me"].findall(UCWA + "property")}
    check("it is the user's", me["uri"], "sip:" + sip)
    links = {l.get("rel"): l.get("href") for l in app.findall(UCWA + "link") + parts["me"].findall(UCWA + "link")}
    at = lambda href: urllib.parse.urljoin(applications, href)
    r = s.post(at(links["makeMeAvailable"]), data='<input xmlns="http://schemas.microsoft.com/rtc/2012/03/ucwa"><property name="signInAs">Online</property></input>')
    check("makeMeAvailable is 204", r.status_code, 204)
    began = time.monotonic()
    r = s.get(at(links["events"]))
    events = ElementTree.fromstring(r.content)
    check("the first events come at once", (r.status_code, events.tag, time.monotonic() - began < 10), (200, UCWA + "events", True))
    check("and tell of presence", any(e.get("rel") == "presence" for e in events.iter(UCWA + "added")))
    check("and say where the next are", [l.get("href") for l in events.findall(UCWA + "link") if l.get("rel") == "next"], [app.get("href") + "/events?ack=2"])
    check("the end of an application is 204", s.delete(at(app.get("href"))).status_code, 204)
    r = s.get(at(app.get("href")))
    check("and afterwards it is not found", (r.status_code, ElementTree.fromstring(r.content).findtext(UCWA + "subcode")), (404, "ApplicationNotFound"))


class WebApplication:
    """OAuth and UCWA in JSON (UCWA SDK, "Create an application" and the pages it leads to)."""

    def __init__(self, sip, login, password, grant):
        self.s = s = Client()
        self.events = []
        s.headers.update({"Accept": "application/json", "X-Requested-With": "XMLHttpRequest"})
        r = s.get(f"https://lyncdiscover.{DOMAIN}/")
        links = r.json()["_links"]
        check("discovery is JSON with links", (media(r), {"self", "user", "xframe"} <= set(links)), ("application/json", True))
        r = s.get(links["user"]["href"])
        challenges = r.raw.headers.getlist("WWW-Authenticate")
        check("the user resource wants a token, by two challenges", (r.status_code, [c.split()[0] for c in challenges]), (401, ["Bearer", "MsRtcOAuth"]))
        token_url = re.search('href="([^"]+)"', challenges[1]).group(1)
        check("the grant is offered", grant in re.search('grant_type="([^"]+)"', challenges[1]).group(1).split(","))
        if grant == "password":
            r = s.post(token_url, data={"grant_type": grant, "username": sip, "password": password})
        else:
            r = s.post(token_url, data={"grant_type": grant}, auth=HttpNtlmAuth(login, password))
        token = r.json()
        check("a token is not to be stored", (r.status_code, media(r), r.headers["Cache-Control"]), (200, "application/json", "no-store"))
        check("a token and its time", (token["token_type"], token["ms_rtc_identityscope"], 7 * 3600 < token["expires_in"] <= 8 * 3600), ("Bearer", "local", True))
        s.headers["Authorization"] = "Bearer " + token["access_token"]
        self.base = s.get(links["user"]["href"]).json()["_links"]["applications"]["href"]
        r = s.post(self.base, json={"UserAgent": "Pretend/1.0", "EndpointId": str(uuid.uuid4()), "Culture": "en-US"})
        self.app = r.json()
        check("an application is 201", (r.status_code, media(r), self.app["rel"]), (201, "application/json", "application"))
        check("its cookie is for photos", r.headers["Set-Cookie"],
              re.compile("cwt_ucwa=[^;]+; path=" + re.escape(self.app["_links"]["self"]["href"]) + "/photos; secure; HttpOnly"))
        check("it is the user's", self.app["_embedded"]["me"]["uri"], "sip:" + sip)
        self.next = self.app["_links"]["events"]["href"]
        available = {"signInAs": "Online", "supportedMessageFormats": ["Plain"], "supportedModalities": ["Messaging"]}
        check("makeMeAvailable is 204", self.post(self.app["_embedded"]["me"]["_links"]["makeMeAvailable"]["href"], available).status_code, 204)
        me = self.get(self.app["_links"]["self"]["href"]).json()["_embedded"]["me"]
        check("then there is presence, and activity to report", {"presence", "note", "location", "reportMyActivity"} <= set(me["_links"]))
        check("activity is 204", self.post(me["_links"]["reportMyActivity"]["href"], None).status_code, 204)
        check("presence", self.get(me["_links"]["presence"]["href"]).json()["availability"], "Online")

    def get(self, href, **kw):
        return self.s.get(urllib.parse.urljoin(self.base, href), **kw)

    def post(self, href, what):
        return self.s.post(urllib.parse.urljoin(self.base, href), **({"json": what} if what is not None else {"data": ""}))

    def link(self, resource, rel):
        return self.app["_embedded"][resource]["_links"][rel]["href"]

    def wait(self, kind, rel):
        """Polls until something of this kind happened to this relation."""
        for _ in range(20):
            while self.events:
                e = self.events.pop(0)
                if (e["type"], e["link"]["rel"]) == (kind, rel):
                    return e
            r = self.get(self.next).json()
            self.next = r["_links"]["next"]["href"]
            self.events = [e for sender in r.get("sender", []) for e in sender["events"]]
        raise LookupError(f"{rel} was never {kind}")


def conversation():
    """Instant messages between two web applications (UCWA SDK, "startMessaging" and "sendMessage")."""
    one = WebApplication(*USERS[0], "password")
    two = WebApplication(*USERS[1], "urn:microsoft.rtc:windows")
    found = one.get(one.link("people", "search"), params={"query": "user2"}).json()["_embedded"]["contact"]
    check("the other is found", [c["uri"] for c in found], ["sip:" + USERS[1][0]])
    r = one.post(one.link("communication", "startMessaging"), {
        "to": found[0]["uri"], "operationId": uuid.uuid4().hex, "subject": "Lunch",
        "_links": {"message": {"href": "data:text/plain;charset=utf-8,Hungry%3F"}}})
    check("an invitation is 201, elsewhere", (r.status_code, "Location" in r.headers), (201, True))
    invitation = two.wait("started", "messagingInvitation")["_embedded"]["messagingInvitation"]
    check("it rings", (invitation["direction"], invitation["state"], invitation["subject"]), ("Incoming", "Connecting", "Lunch"))
    check("and says who it is from", invitation["_embedded"]["from"]["uri"], "sip:" + USERS[0][0])
    check("and what they said", urllib.parse.unquote(invitation["_links"]["message"]["href"].partition(",")[2]), "Hungry?")
    check("to accept is 204", two.post(invitation["_links"]["accept"]["href"], None).status_code, 204)
    check("the first is told", one.wait("completed", "messagingInvitation")["status"], "Success")
    talk = one.get(one.link("communication", "conversations")).json()["_links"]["conversation"]
    messaging = one.get(one.get(talk[0]["href"]).json()["_links"]["messaging"]["href"]).json()
    r = one.s.post(urllib.parse.urljoin(one.base, messaging["_links"]["sendMessage"]["href"]), data="One o'clock? ü".encode(), headers={"Content-Type": "text/plain; charset=utf-8"})
    check("a message is 201", r.status_code, 201)
    message = two.wait("completed", "message")["_embedded"]["message"]
    check("it arrives", urllib.parse.unquote(message["_links"]["plainMessage"]["href"].partition(",")[2]), "One o'clock? ü")
    check("from the first", two.get(message["_links"]["contact"]["href"]).json()["uri"], "sip:" + USERS[0][0])

    one.wait("completed", "message")  # its own
    replaced = []
    poll = threading.Thread(target=lambda: replaced.append(one.get(one.next)))
    poll.start()
    poll.join(1)
    check("a silent poll waits", poll.is_alive())
    two.s.post(urllib.parse.urljoin(two.base, message["_links"]["messaging"]["href"] + "/terminate"), data="")
    poll.join(10)
    gone = [e["link"]["rel"] for x in replaced[0].json().get("sender", []) for e in x["events"] if e["type"] == "deleted"]
    check("what happens ends it", gone, ["conversation"])
    for w in (one, two):
        check("the end of an application is 204", w.s.delete(urllib.parse.urljoin(w.base, w.app["_links"]["self"]["href"])).status_code, 204)


def refusals():
    """Refusals of the token service (UCWA SDK, "Authentication in UCWA")."""
    s = Client()
    url = f"https://lyncweb-ext.{DOMAIN}/webticket/oauthtoken"  # captures have both cases
    for name, form, error in [
            ("nothing", {}, "invalid_request"), ("an unknown grant", {"grant_type": "implicit"}, "unsupported_grant_type"),
            ("nobody", {"grant_type": "password", "username": "nobody@" + DOMAIN, "password": "x"}, "invalid_grant")]:
        r = s.post(url, data=form)
        check(f"a token for {name} is 400", (r.status_code, r.json()), (400, {"error": error}))
        check("and has a diagnosis", r.headers["X-Ms-diagnostics"], re.compile(r'280\d\d;source="fe\d\.contoso\.example";reason="[^"]+"'))
    check("OPTIONS is 400", s.options(url).status_code, 400)
    r = s.get(f"https://lyncweb-ext.{DOMAIN}/WebTicket/WebTicketService.svc/OAuth")
    check("the ticket service's OAuth port shows the grants", (r.status_code, "grant_type=" in r.headers["WWW-Authenticate"]), (401, True))


desktop_service, phone_applications = desktop()
phone(desktop_service, phone_applications)
conversation()
refusals()
sys.exit(failed)
