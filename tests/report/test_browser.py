"""The report in a real browser without a network: no error, every section visible, pictures drawn, a click shows its subject."""

import shutil
import time

import pytest

webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium, which the extra `test` installs")
CHROMIUM, DRIVER = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="needs chromium and chromedriver: apt-get install chromium chromium-driver"
)

# generous: two seconds are what `benchmarks/report.py` measures; a busy machine is no defect
PATIENCE = 30.0


@pytest.fixture(scope="module")
def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1300,1000", "--host-resolver-rules=MAP * ~NOTFOUND"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def page(browser, written):
    """The report, loaded anew and whole: `get` of the page that is open already may return while it still loads."""
    browser.get("about:blank")
    browser.get(written.as_uri())
    loaded = "return document.readyState === 'complete' && document.getElementById('subject-panel') !== null"
    waited(lambda: browser.execute_script(loaded), "the page")
    return browser


def waited(condition, what):
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"waited in vain for {what}")


def drawn(page):
    return page.execute_script("return document.querySelectorAll('.drawing .main-svg').length")


def test_it_opens_without_an_error_and_every_section_is_visible(page):
    assert [one for one in page.get_log("browser") if one["level"] == "SEVERE"] == []
    sections = page.find_elements("css selector", "section")
    assert len(sections) == 13 and all(one.is_displayed() and one.size["height"] > 40 for one in sections)
    assert page.find_elements("css selector", "#model table.formula math")
    assert page.execute_script("return performance.getEntriesByType('resource').filter(e => e.name.startsWith('http')).length") == 0


def test_pictures_are_drawn_when_they_come_into_view(page):
    places = page.find_elements("css selector", ".drawing")
    assert len(places) >= 12
    at_first = page.execute_script("return document.querySelectorAll('.drawing[data-drawn]').length")
    assert at_first < len(places)
    for place in places:
        page.execute_script("arguments[0].scrollIntoView()", place)
        waited(lambda place=place: page.execute_script("return arguments[0].querySelector('.main-svg') !== null", place), "a picture")
    assert [one for one in page.get_log("browser") if one["level"] == "SEVERE"] == []


def test_a_click_on_a_point_shows_its_subject(page):
    place = page.find_element("css selector", '.drawing[data-key="goodness-of-fit-2"]')
    page.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", place)
    waited(lambda: page.execute_script("return arguments[0].querySelectorAll('.point').length > 100", place), "points")
    spot = page.execute_script(
        """const points = Array.from(arguments[0].querySelectorAll('.point'));
        const boxes = points.map(one => one.getBoundingClientRect());
        const middle = box => [box.x + box.width / 2, box.y + box.height / 2];
        const apart = boxes.findIndex((box, k) => boxes.every((other, m) => m === k
            || Math.hypot(middle(box)[0] - middle(other)[0], middle(box)[1] - middle(other)[1]) > 14));
        return middle(boxes[apart]);""",
        place,
    )
    actions = webdriver.ActionChains(page)
    actions.w3c_actions.pointer_action.move_to_location(int(spot[0]), int(spot[1]))
    actions.w3c_actions.pointer_action.pause(0.3)
    actions.w3c_actions.pointer_action.click()
    actions.perform()
    panel = page.find_element("id", "subject-panel")
    waited(panel.is_displayed, "the panel")
    who = panel.get_attribute("data-subject")
    assert page.find_element("id", "subject-title").text == f"Subject {who}" and 1 <= int(who) <= 12
    assert len(page.find_elements("css selector", "#subject-rows tbody tr")) == 11
    waited(lambda: page.find_elements("css selector", "#subject-drawing .main-svg"), "the subject's curve")
    assert page.find_element("css selector", f'table.subjects tr[data-subject="{who}"]').get_attribute("class") == "chosen"
    page.find_element("id", "subject-close").click()
    assert not panel.is_displayed()


def test_a_row_and_the_picker_show_a_subject(page):
    page.find_element("css selector", "#subject-picker option[value='7']").click()
    assert page.find_element("id", "subject-title").text == "Subject 7"
    page.find_element("tag name", "body").send_keys(webdriver.Keys.ESCAPE)
    row = page.find_element("css selector", 'table.subjects tr[data-subject="3"]')
    page.execute_script("arguments[0].click()", row)
    assert page.find_element("id", "subject-title").text == "Subject 3"


def test_it_prints_with_every_picture(page):
    page.execute_script("window.dispatchEvent(new Event('beforeprint'))")
    n = len(page.find_elements("css selector", ".drawing"))
    waited(lambda: page.execute_script("return document.querySelectorAll('.drawing .plot-container').length") == n, "all pictures")
    assert len(page.print_page()) > 100_000
