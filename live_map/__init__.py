"""The live map: a folium page whose markers move as fixes arrive."""
