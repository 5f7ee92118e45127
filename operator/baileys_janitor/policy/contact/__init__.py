"""One contact or one group: its files in a session directory, and the plan that repairs them.

For a contact or group whose messages can no longer be read ("Waiting for this message", Bad MAC): the contact's
sessions or a group's sender keys go into the trash, and the library builds new ones. Pure like the other rules;
imported by repairs alone, so that it does not slow down a scan's start-up.
"""
