package fakelync

import "net/http"

// ucwaRoutes are the resources below an application and their methods. Paths are those of captures (UCWA SDK, "Create an
// application"); makeMeAvailable has two, for the SDK's pages disagree.
func ucwaRoutes() []ucwaRoute {
	return []ucwaRoute{
		{http.MethodGet, "", (*ucwaCall).getApplication},
		{http.MethodDelete, "", (*ucwaCall).deleteApplication},
		{http.MethodGet, "events", (*ucwaCall).events},
		{http.MethodPost, "batch", (*ucwaCall).batch},
		{http.MethodGet, "policies", (*ucwaCall).policies},

		{http.MethodGet, "me", (*ucwaCall).getMe},
		{http.MethodPost, "me/makeMeAvailable", (*ucwaCall).makeMeAvailable},
		{http.MethodPost, "communication/makeMeAvailable", (*ucwaCall).makeMeAvailable},
		{http.MethodPost, "me/reportMyActivity", (*ucwaCall).reportMyActivity},
		{http.MethodGet, "me/presence", (*ucwaCall).getPresence},
		{http.MethodPost, "me/presence", (*ucwaCall).postPresence},
		{http.MethodGet, "me/note", (*ucwaCall).getNote},
		{http.MethodPost, "me/note", (*ucwaCall).postNote},
		{http.MethodGet, "me/location", (*ucwaCall).getLocation},
		{http.MethodPost, "me/location", (*ucwaCall).postLocation},
		{http.MethodGet, "me/phones", (*ucwaCall).getPhones},
		{http.MethodGet, "me/callForwardingSettings", (*ucwaCall).getCallForwarding},
		{http.MethodGet, "photos/*", (*ucwaCall).getPhoto},

		{http.MethodGet, "people", (*ucwaCall).getPeople},
		{http.MethodGet, "people/groups", (*ucwaCall).getGroups},
		{http.MethodGet, "people/contacts", (*ucwaCall).getContacts},
		{http.MethodGet, "people/presenceSubscriptions", (*ucwaCall).getSubscriptions},
		{http.MethodPost, "people/presenceSubscriptions", (*ucwaCall).subscribe},
		{http.MethodDelete, "people/presenceSubscriptions/*", (*ucwaCall).unsubscribe},
		{http.MethodGet, "people/search", (*ucwaCall).search},
		{http.MethodGet, "people/*", (*ucwaCall).getContact},
		{http.MethodGet, "people/*/presence", (*ucwaCall).getContactPresence},

		{http.MethodGet, "onlineMeetings", (*ucwaCall).getOnlineMeetings},
		{http.MethodGet, "onlineMeetings/myOnlineMeetings", (*ucwaCall).getMyOnlineMeetings},
		{http.MethodGet, "onlineMeetings/phoneDialInInformation", (*ucwaCall).getDialIn},

		{http.MethodGet, "communication", (*ucwaCall).getCommunication},
		{http.MethodPut, "communication", (*ucwaCall).putCommunication},
		{http.MethodGet, "communication/conversations", (*ucwaCall).getConversations},
		{http.MethodPost, "communication/messagingInvitations", (*ucwaCall).startMessaging},
		{http.MethodGet, "communication/messagingInvitations/*", (*ucwaCall).getInvitation},
		{http.MethodPost, "communication/messagingInvitations/*/accept", (*ucwaCall).accept},
		{http.MethodPost, "communication/messagingInvitations/*/decline", (*ucwaCall).decline},
		{http.MethodPost, "communication/messagingInvitations/*/cancel", (*ucwaCall).terminate},
		{http.MethodGet, "communication/conversations/*", (*ucwaCall).getConversation},
		{http.MethodDelete, "communication/conversations/*", (*ucwaCall).terminate},
		{http.MethodGet, "communication/conversations/*/participants/*", (*ucwaCall).getParticipant},
		{http.MethodGet, "communication/conversations/*/messaging", (*ucwaCall).getMessaging},
		{http.MethodPost, "communication/conversations/*/messaging/messages", (*ucwaCall).sendMessage},
		{http.MethodPost, "communication/conversations/*/messaging/typing", (*ucwaCall).setIsTyping},
		{http.MethodPost, "communication/conversations/*/messaging/terminate", (*ucwaCall).terminate},
	}
}
