"""Inside Blender: a mouse and a keyboard, and eyes that find a button by what it does."""

from __future__ import annotations

import bpy
from bpy_extras.view3d_utils import location_3d_to_region_2d

from .driver import Session, Steps

_STEP = 9  # pixels between two places where a button is looked for: less than half a button's height
_SCROLLS = 4


def main_window() -> bpy.types.Window:
    return bpy.context.window_manager.windows[0]


def area_of(kind: str) -> bpy.types.Area | None:
    """Return the main window's first area of a kind."""
    return next((area for area in main_window().screen.areas if area.type == kind), None)


def view_area() -> bpy.types.Area:
    """Return the main window's 3D view."""
    area = area_of("VIEW_3D")
    assert area is not None
    return area


def region_of(area: bpy.types.Area, kind: str) -> bpy.types.Region:
    return next(region for region in area.regions if region.type == kind)


def sidebar() -> bpy.types.Region:
    return region_of(view_area(), "UI")


def open_sidebar(session: Session, tab: str = "Sightline") -> Steps:
    """Show the 3D view's sidebar with a tab in front."""
    view_area().spaces.active.show_region_ui = True
    yield from session.pause(1.2)
    sidebar().active_panel_category = tab
    yield from session.pause()


def move(session: Session, x: int, y: int) -> Steps:
    main_window().event_simulate(type="MOUSEMOVE", value="NOTHING", x=x, y=y)
    yield from session.pause(0.02)


def click(session: Session, x: int, y: int, button: str = "LEFTMOUSE") -> Steps:
    yield from move(session, x, y)
    yield from press(session, button, x, y)
    yield from session.pause()


def press(session: Session, key: str, x: int | None = None, y: int | None = None, **modifiers: bool) -> Steps:
    """Press and release a key or a mouse button where the mouse is."""
    place = {} if x is None else {"x": x, "y": y}
    for value in ("PRESS", "RELEASE"):
        main_window().event_simulate(type=key, value=value, **place, **modifiers)
        yield from session.pause(0.02)


def key_over_view(session: Session, key: str, **modifiers: bool) -> Steps:
    """Press a key with the mouse over the middle of the 3D view."""
    x, y = middle(region_of(view_area(), "WINDOW"))
    yield from move(session, x, y)
    yield from press(session, key, x, y, **modifiers)
    yield from session.pause()


def key_over_middle(session: Session, key: str) -> Steps:
    """Press a key with the mouse in the middle of the window."""
    x, y = main_window().width // 2, main_window().height // 2
    yield from move(session, x, y)
    yield from press(session, key, x, y)
    yield from session.pause(1)


def show_rendered(session: Session) -> Steps:
    """Choose Rendered, as the header's button does."""
    area = view_area()
    with bpy.context.temp_override(window=main_window(), area=area, region=region_of(area, "WINDOW")):
        bpy.ops.view3d.toggle_shading(type="RENDERED")
    assert area.spaces.active.shading.type == "RENDERED"
    yield


def stop_render(session: Session) -> Steps:
    """Click the cross beside the progress in the status bar; a simulated Esc does not reach Blender's jobs."""
    yield from click(session, main_window().width // 2 + 111, 10)


def drag_view(session: Session, across: int) -> Steps:
    """Turn the 3D view with the middle mouse button, which leaves the camera's view where it is on."""
    window = main_window()
    x, y = middle(region_of(view_area(), "WINDOW"))
    yield from move(session, x, y)
    window.event_simulate(type="MIDDLEMOUSE", value="PRESS", x=x, y=y)
    yield from session.pause(0.1)
    for step in range(1, 11):
        window.event_simulate(type="MOUSEMOVE", value="NOTHING", x=x + across * step // 10, y=y)
        yield from session.pause(0.05)
    window.event_simulate(type="MIDDLEMOUSE", value="RELEASE", x=x + across, y=y)


def middle(region: bpy.types.Region) -> tuple[int, int]:
    """Return a place over the view that the sidebar does not hide."""
    return region.x + region.width * 2 // 5, region.y + region.height // 2


def camera_frame() -> tuple[int, int, int, int]:
    """Return where the 3D view shows the scene camera's picture: left, top, width, height on the screen."""
    area = view_area()
    region, view = region_of(area, "WINDOW"), area.spaces.active.region_3d
    camera = bpy.context.scene.camera
    corners = [camera.matrix_world @ corner for corner in camera.data.view_frame(scene=bpy.context.scene)]
    places = [location_3d_to_region_2d(region, view, corner) for corner in corners]
    left, right = (choose(place.x for place in places) + region.x for choose in (min, max))
    bottom, top = (choose(place.y for place in places) + region.y for choose in (min, max))
    return round(left), round(main_window().height - top), round(right - left), round(top - bottom)


def open_last_panel(session: Session) -> Steps:
    """Scroll the sidebar to its end and open the panel whose header is there."""
    region = sidebar()
    x = region.x + region.width // 4
    yield from scroll(session, view_area(), region, 100)
    yield from click(session, x, region.y + _STEP * 2)


def scroll(session: Session, area: bpy.types.Area, region: bpy.types.Region, steps: int) -> Steps:
    """Scroll a region down by steps of 40 pixels. The wheel would scroll a list that happens to be under the mouse."""
    with bpy.context.temp_override(window=main_window(), area=area, region=region):
        for _ in range(steps):
            bpy.ops.view2d.scroll_down()
    yield from session.pause(0.3)


def click_button(
    session: Session, operator: str, area: bpy.types.Area | None = None, kind: str = "UI", column: float = 0.4
) -> Steps:
    """Move the mouse down a region until it is on the button of an operator, and click that.

    Args:
        session: The running one.
        operator: Its ``bl_idname``.
        area: Where it is looked for; the 3D view unless told.
        kind: The region of the area. What has no room is scrolled to.
        column: How far to the right the mouse moves down, a share of the region's width.

    Raises:
        AssertionError: If there is no such button.
    """
    area = area or view_area()
    region = region_of(area, kind)
    x = region.x + int(region.width * column)
    for _ in range(_SCROLLS):
        for y in range(region.y + region.height - _STEP, region.y, -_STEP):
            yield from move(session, x, y)
            if operator not in _command_under_mouse(area, region):
                continue
            yield from session.pause(0.3)  # a panel may just have been drawn anew
            if operator in _command_under_mouse(area, region):
                yield from click(session, x, y)
                return
        yield from scroll(session, area, region, region.height // 80)
    raise AssertionError(f"there is no button for {operator}")


def _command_under_mouse(area: bpy.types.Area, region: bpy.types.Region) -> str:
    """Return what Blender's own "Copy Python Command" says of the button under the mouse."""
    with bpy.context.temp_override(window=main_window(), area=area, region=region):
        if not bpy.ops.ui.copy_python_command_button.poll():
            return ""
        bpy.ops.ui.copy_python_command_button()
    return bpy.context.window_manager.clipboard
