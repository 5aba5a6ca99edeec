"""What the doctor found, by the title of each check."""


def by_title(checks):
    return {check.title: check for check in checks}
