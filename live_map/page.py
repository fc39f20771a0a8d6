"""The page: a folium map with our own frame around it, and nothing on it that comes from elsewhere.

folium writes the map, its layers and its controls as one inline script, which the browser runs because it carries the
nonce of this answer. folium's default assets lie on other people's servers; the two that are needed are served from
`static/vendor`, the others are not used. What moves on the map is drawn by `static/js`, which finds map and layers in
`window.itrackPage`.
"""

from __future__ import annotations

from html import escape
from pathlib import Path

import folium
from branca.element import Figure, MacroElement
from folium.template import Template

from itrack.settings import Settings

__all__ = ["STATIC", "render_page"]

STATIC = Path(__file__).parent / "static"

_FRAME = (STATIC / "frame.html").read_text(encoding="utf-8")

_VENDOR = "/static/vendor/leaflet"


class _Page(Figure):  # type: ignore[misc]
    """A figure whose parts come in our frame, and whose script carries a nonce."""

    _template = Template(_FRAME)


class _Map(folium.Map):  # type: ignore[misc]
    """folium's map without the inline styles that a strict policy forbids, and free to be zoomed by the browser."""

    default_js = [("leaflet", f"{_VENDOR}/leaflet.js")]  # noqa: RUF012 - folium declares it so
    default_css = [("leaflet_css", f"{_VENDOR}/leaflet.css"), ("itrack_css", "/static/css/live-map.css")]  # noqa: RUF012

    _template = Template(
        """
        {% macro header(this, kwargs) %}{% endmacro %}
        {% macro html(this, kwargs) %}
            <div class="folium-map" id={{ this.get_name()|tojson }} role="region" aria-label="Map"></div>
        {% endmacro %}
        {% macro script(this, kwargs) %}
            var {{ this.get_name() }} = L.map(
                {{ this.get_name()|tojson }},
                { center: {{ this.location|tojson }}, crs: L.CRS.{{ this.crs }}, ...{{ this.options|tojavascript }} }
            );
            L.control.zoom({ position: {{ this.zoom_control|tojson }} }).addTo({{ this.get_name() }});
        {% endmacro %}
        """
    )


class _Scale(MacroElement):  # type: ignore[misc]
    """A bar of metres and kilometres."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
            L.control.scale({ imperial: false, position: "bottomright" }).addTo({{ this._parent.get_name() }});
        {% endmacro %}
        """
    )


class _Handles(MacroElement):  # type: ignore[misc]
    """Leaves the map and its layers where the page's own scripts find them."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
            window.itrackPage = {
                map: {{ this._parent.get_name() }},
                hasTiles: {{ this.has_tiles|tojson }},
                layers: {
                    {%- for name, layer in this.layers.items() %}
                    {{ name }}: {{ layer.get_name() }},
                    {%- endfor %}
                },
            };
        {% endmacro %}
        """
    )

    def __init__(self, layers: dict[str, folium.FeatureGroup], *, has_tiles: bool) -> None:
        super().__init__()
        self._name = "Handles"
        self.layers = layers
        self.has_tiles = has_tiles


def render_page(settings: Settings, nonce: str) -> str:
    """The page as HTML. Nothing in it comes from a phone: that arrives later, as data.

    Args:
        settings: for the tiles.
        nonce: the one of this answer's policy.
    """
    the_map = _Map(
        location=[47.0, 11.0],
        zoom_start=4,
        tiles=None,
        zoom_control="bottomright",
        prefer_canvas=True,
        world_copy_jump=True,
        zoom_snap=0.5,
        minZoom=2,  # folium would keep `min_zoom` for tiles
        maxZoom=20,
    )
    if settings.map_tiles_url:
        folium.TileLayer(
            tiles=settings.map_tiles_url,
            attr=escape(settings.map_tiles_attribution),
            name="Map tiles",
            overlay=True,
            control=False,
            max_native_zoom=19,
            max_zoom=20,
        ).add_to(the_map)
    layers = {
        "stops": folium.FeatureGroup(name="Stops"),
        "trails": folium.FeatureGroup(name="Trails"),
        "track": folium.FeatureGroup(name="Selected track", control=False),
        "people": folium.FeatureGroup(name="People"),
    }
    for layer in layers.values():
        layer.add_to(the_map)
    folium.LayerControl(position="topright", collapsed=True).add_to(the_map)
    _Scale().add_to(the_map)
    _Handles(layers, has_tiles=bool(settings.map_tiles_url)).add_to(the_map)
    page = _Page(title="I-Track live map")
    page.add_child(the_map)
    return str(page.render(nonce=nonce))
