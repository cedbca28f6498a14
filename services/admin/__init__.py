"""Where owners edit the menu, the contraindications and the spa itself."""

# They register their own pages.
from services.admin import contraindications as contraindications
from services.admin import pages as pages
from services.admin import profile as profile
