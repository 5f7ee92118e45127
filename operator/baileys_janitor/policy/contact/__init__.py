"""One contact, or one group: its files in a session directory, and the plan that repairs them.

For somebody who can no longer be read ("Waiting for this message", Bad MAC): the contact's sessions or a group's
sender keys go into the trash, and the library builds new ones. As pure as the rest of the rules; imported by repairs
alone, so that a scan's start-up does not pay for it.
"""
