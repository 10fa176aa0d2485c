"""How Sphinx makes the manual's site: https://www.sphinx-doc.org/en/master/usage/configuration.html"""

from airflow_provider_pipedrive import __version__

project = "Pipedrive for Apache Airflow"
version = release = __version__
project_copyright = "the authors, Apache-2.0"
extensions = ["myst_parser", "sphinx.ext.autodoc"]

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_title = f"{project} {release}"
html_copy_source = False
html_show_sphinx = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#06743f", "color-brand-content": "#06743f"},
    "dark_css_variables": {"color-brand-primary": "#4cc38a", "color-brand-content": "#4cc38a"},
}
pygments_style = "friendly"
pygments_dark_style = "github-dark"

# Anchors as on the pages of a repository.
myst_heading_anchors = 4
# Quotation marks and dashes stay as they are written.
smartquotes = False

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True, "show-inheritance": True}

# The lexer does not know all of DuckDB's SQL.
suppress_warnings = ["misc.highlighting_failure"]
